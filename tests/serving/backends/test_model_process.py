import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest

from serving.backends.conversation import ask
from serving.backends.lane import Gone
from serving.backends.model_process import Ended, ModelProcess
from serving.core import model_config
from serving.engine.repository import ModelRepository
from serving.errors import ModelLoadFailed
from tests import python_models

ROW = np.ones((1, 4), np.float32)
Started = tuple[ModelProcess, Callable[[], str]]


@contextmanager
def started(directory: Path, failures: list[Exception] | None = None) -> Iterator[Started]:
    """A process that loaded the model, or has one of the `failures`, and what waits for its end and says how it ended.
    One thread starts it, has it load and then waits, as a supervisor does."""
    repository = ModelRepository(directory.parents[1])
    config = model_config.complete(repository.config(directory.parent.name))
    made: list[ModelProcess] = []
    hows: list[str] = []
    is_loaded = threading.Event()

    def own() -> None:
        made.append(ModelProcess(directory, config, "cpu", log_level=20))
        try:
            made[0].load()
        except (Gone, ModelLoadFailed) as error:
            assert failures is not None
            failures.append(error)
        is_loaded.set()
        hows.append(made[0].wait())

    owner = threading.Thread(target=own)
    owner.start()
    assert is_loaded.wait(30)

    def end() -> str:
        owner.join(30)
        return hows[0]

    try:
        yield made[0], end
    finally:
        made[0].end(patience=0.1)
        owner.join(30)


def test_it_answers_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with started(python_models.add_hazard(tmp_path)) as (process, end):
        assert str(process.inputs[0]) == "x FP32 [-1,4]"
        with process.lane() as lane:
            assert ask(lane, {"x": ROW}, {})["pid"].tolist() == [[process.pid]]
        with process.lane() as again:
            assert again is lane
        process.end()
        assert end() == "ended by itself (exit code 0)"
        assert repr(process) == f"<ModelProcess {process.pid}, ended by itself (exit code 0)>"
        assert not psutil.pid_exists(process.pid)
        with pytest.raises(Ended, match="exit code 0"), process.lane():
            pass


def test_whoever_waits_for_an_answer_is_told_how_it_ended(tmp_path: Path) -> None:
    with started(python_models.add_hazard(tmp_path)) as (process, end):
        for _ in range(2):
            with pytest.raises(Ended, match=r"crashed \(SIGSEGV\)"), process.lane() as lane:
                ask(lane, {"x": ROW * python_models.CRASH}, {})
        assert end() == "crashed (SIGSEGV)"


def test_what_it_started_itself_ends_with_it(tmp_path: Path) -> None:
    directory = python_models.add_model(
        tmp_path,
        "m",
        """input { name: "x" data_type: TYPE_FP32 dims: -1 } output { name: "pid" data_type: TYPE_INT64 dims: 1 }""",
        """
        import os, subprocess
        class Model:
            def execute(self, request):
                if len(request.inputs["x"]):
                    os._exit(1)
                child = subprocess.Popen(["sleep", "1000"], close_fds=False)  # holds what this process holds
                return {"pid": [child.pid]}
        """,
    )
    with started(directory) as (process, end):
        with process.lane() as lane:
            (child,) = ask(lane, {"x": ROW[0, :0]}, {})["pid"].tolist()
            assert psutil.pid_exists(child)
        with pytest.raises(Ended, match="exit code 1"), process.lane() as lane:
            ask(lane, {"x": ROW[0]}, {})
        assert end() == "ended by itself (exit code 1)"
        deadline = time.monotonic() + 30
        while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("load", "patience", "how"),
    [
        ("pass", 1.0, "was ended by a signal (SIGTERM)"),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", 0.1, "was killed (SIGKILL), perhaps for want of memory"),
    ],
)
def test_one_that_does_not_end_is_made_to(tmp_path: Path, load: str, patience: float, how: str) -> None:
    directory = python_models.add_model(
        tmp_path,
        "m",
        """input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }""",
        f"""
        import signal, time
        class Model:
            def load(self, context):
                {load}
            def execute(self, request): ...
            def close(self):
                time.sleep(1000)
        """,
    )
    with started(directory) as (process, end):
        process.end(patience)
        assert end() == how


def test_one_that_can_t_load_the_model_says_why_and_ends(tmp_path: Path) -> None:
    directory = python_models.add_hazard(tmp_path)
    (directory / "model.py").write_text("import no_such_module")
    failures: list[Exception] = []
    with started(directory, failures) as (_, end):
        assert end() == "ended by itself (exit code 0)"
    assert "'model.py', line 1: ModuleNotFoundError: No module named" in str(failures[0])


def test_one_that_ends_while_it_loads_is_noticed(tmp_path: Path) -> None:
    directory = python_models.add_hazard(tmp_path)
    (directory / "model.py").write_text("import ctypes; ctypes.string_at(0)")
    failures: list[Exception] = []
    with started(directory, failures) as (_, end):
        assert end() == "crashed (SIGSEGV)"
    assert isinstance(failures[0], Gone)
