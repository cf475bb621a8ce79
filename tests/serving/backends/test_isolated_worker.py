"""The process as whoever starts it sees it: a socket, and how it ends."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from serving.backends.lane import receive, send
from serving.core import model_config
from serving.engine.repository import ModelRepository
from tests import python_models


def start(parent: int, **options: int) -> tuple[subprocess.Popen[str], socket.socket]:
    ours, theirs = socket.socketpair()
    rights = '{"memory": 8000000000, "only_computes": false}'
    command = [sys.executable, "-m", "serving.backends.reduced_start", str(theirs.fileno()), str(parent), rights]
    with theirs:
        process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno()],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            text=True,
            **options,
        )
    return process, ours


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    root = tmp_path_factory.mktemp("models")
    directory = python_models.add_model(
        root,
        "m",
        """input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }""",
        """
        import sys
        class Model:
            def load(self, context):
                known = {"fastapi", "uvicorn", "onnxruntime", "torch"} & set(sys.modules)
                print("loads on", context.device, "beside", known or "nothing", flush=True)
            def execute(self, request):
                return {"y": request.inputs["x"]}
            def close(self):
                print("closes")
        """,
    )
    config = model_config.complete(ModelRepository(root).config("m"))
    return {
        "directory": str(directory),
        "config": config.SerializeToString().hex(),
        "device": "cuda:1",
        "log_level": 20,
        "is_to_describe": False,
        "python_path": "",
    }


def test_it_says_what_it_loaded_and_closes_the_model_when_its_socket_ends(task: dict[str, object]) -> None:
    process, control = start(os.getpid())
    send(control, task)
    answer = receive(control)
    assert answer["inputs"] == [["x", "FP32", [4]]]
    assert (answer["concurrency"], answer["reads_parameters"]) == (1, True)
    ours = int(Path("/proc/self/oom_score_adj").read_text())
    assert int(Path(f"/proc/{process.pid}/oom_score_adj").read_text()) == min(1000, ours + 500)
    control.close()
    printed, _ = process.communicate(timeout=30)
    assert printed.splitlines() == ["loads on cuda:1 beside nothing", "closes"]
    assert process.returncode == 0


def test_it_does_not_begin_without_the_process_that_started_it() -> None:
    process, control = start(os.getpid() + 1)
    assert process.wait(30) == 0
    assert control.recv(1) == b""
    control.close()
    process.communicate()


def test_it_ends_with_the_thread_that_started_it_even_if_it_has_its_socket(task: dict[str, object]) -> None:
    started: list[tuple[subprocess.Popen[str], socket.socket]] = []

    def in_thread() -> None:
        process, control = start(os.getpid())
        send(control, task)
        assert "inputs" in receive(control)
        started.append((process, control))

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join(30)
    process, control = started[0]
    assert process.wait(30) == -signal.SIGKILL
    control.close()
    process.communicate()


def test_what_can_t_be_loaded_is_said_in_the_same_words(task: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "model.py").write_text("class Model:\n    def load(self, context):\n        1 / 0\n")
    process, control = start(os.getpid())
    send(control, {**task, "directory": str(tmp_path / "1")})
    assert "has no method execute" in receive(control)["failed"]
    control.close()
    process.communicate(timeout=30)
    assert process.returncode == 0
