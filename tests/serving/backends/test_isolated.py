import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from serving.backends import backend
from serving.backends.backend import ModelInstance
from serving.backends.isolated import IsolatedInstance
from serving.core import model_config
from serving.core.datatypes import DTYPES, to_config
from serving.engine.repository import ModelRepository
from serving.errors import BackendFailed, InstanceDied, InvalidInput, ModelLoadFailed
from tests import python_models, shared_files, tiny_models
from tests.python_models import CRASH, FAIL, ISOLATED, KILL, LEAVE, SLEEP, TOO_LARGE

ROW = np.ones((1, 4), np.float32)


def load(directory: Path, device: str = "cpu") -> IsolatedInstance:
    config = model_config.complete(ModelRepository(directory.parents[1]).config(directory.parent.name))
    instance = backend.loader(config)(directory, config, device)
    assert isinstance(instance, IsolatedInstance)
    return instance


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def more_threads(than: set[threading.Thread]) -> set[str]:
    names = {thread.name for thread in set(threading.enumerate()) - than}
    return {name for name in names if name.startswith("hazard-")}


@pytest.fixture(scope="module")
def hazard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IsolatedInstance]:
    with closing(load(python_models.add_hazard(tmp_path_factory.mktemp("models")))) as instance:
        yield instance


def answer(instance: IsolatedInstance, what: float = 1.0) -> int:
    """The number of the process that answered."""
    outputs = instance.run({"x": ROW * np.float32(what)})
    assert outputs["y"].tolist() == (ROW * what * 2).tolist()
    return int(outputs["pid"][0, 0])


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (CRASH, r"had this request, crashed \(SIGSEGV\); it is started again"),
        (KILL, r"had this request, was killed \(SIGKILL\), perhaps for want of memory; it is started again"),
        (LEAVE, r"had this request, ended by itself \(exit code 3\); it is started again"),
    ],
)
def test_what_ends_the_process_is_said_and_another_one_answers(
    hazard: IsolatedInstance, what: float, words: str
) -> None:
    wait_until(lambda: not hazard.lacks)
    before, restarts = answer(hazard), hazard.restarts
    with pytest.raises(InstanceDied, match=f"the process of model 'hazard' version 1, which {words}") as died:
        hazard.run({"x": ROW * np.float32(what)})
    assert died.value.retry_after >= 1
    assert not died.value.lost_sequences
    wait_until(lambda: hazard.restarts == restarts + 1 and not hazard.lacks)
    assert answer(hazard) not in (before, os.getpid())


def test_what_the_model_raises_ends_nothing(hazard: IsolatedInstance) -> None:
    wait_until(lambda: not hazard.lacks)
    before = answer(hazard)
    with pytest.raises(BackendFailed, match="RuntimeError: not this row"):
        hazard.run({"x": ROW * np.float32(FAIL)})
    with pytest.raises(BackendFailed, match="MemoryError"):
        hazard.run({"x": ROW * np.float32(TOO_LARGE)})
    assert answer(hazard) == before


def test_while_it_is_down_it_says_so_at_once(tmp_path: Path) -> None:
    before = children()
    with closing(load(python_models.add_hazard(tmp_path))) as instance:
        for _ in range(4):
            wait_until(lambda: not instance.lacks)
            with pytest.raises(InstanceDied):
                instance.run({"x": ROW * np.float32(KILL)})
            wait_until(lambda: bool(instance.lacks))
        wait_until(lambda: "again in" in instance.lacks)
        with pytest.raises(InstanceDied, match=r"was killed \(SIGKILL\), perhaps for want of memory; it is .* in \d s"):
            instance.run({"x": ROW})
    assert children() <= before


def test_requests_that_run_when_it_ends_are_all_told(tmp_path: Path) -> None:
    directory = python_models.add_model(
        tmp_path,
        "m",
        f"""input {{ name: "x" data_type: TYPE_FP32 dims: 4 }} output {{ name: "y" data_type: TYPE_FP32 dims: 4 }}
        parameters {{ key: "max_concurrency" value {{ string_value: "8" }} }} {ISOLATED}""",
        """
        import os, threading
        class Model:
            def load(self, context):
                self.all = threading.Barrier(8)
            def execute(self, request):
                self.all.wait()
                if request.inputs["x"][0] == 7:
                    os.abort()
                self.all.wait()
        """,
    )

    def run(number: int) -> str:
        with pytest.raises(InstanceDied) as died:
            instance.run({"x": np.full(4, number, np.float32)})
        return str(died.value)

    with closing(load(directory)) as instance, ThreadPoolExecutor(8) as pool:
        assert instance.concurrency == 8
        assert all("crashed (SIGABRT)" in words for words in pool.map(run, range(8)))


def test_instances_that_hold_the_interpreter_lock_run_at_the_same_time(tmp_path: Path) -> None:
    directory = python_models.add_model(
        tmp_path,
        "m",
        f"""input {{ name: "x" data_type: TYPE_FP32 dims: 1 }} output {{ name: "when" data_type: TYPE_FP64 dims: 2 }}
        {ISOLATED}""",
        """
        import time
        class Model:
            def execute(self, request):
                started = time.monotonic()
                sum(range(30_000_000))  # lets no other thread of its process run
                return {"when": [started, time.monotonic()]}
        """,
    )
    with closing(load(directory)) as one, closing(load(directory)) as other, ThreadPoolExecutor(2) as pool:
        runs = pool.map(lambda instance: instance.run({"x": ROW[0, :1]})["when"], [one, other])
        (began, ended), (other_began, other_ended) = runs
    assert max(began, other_began) < min(ended, other_ended)


CASES = [(datatype, shape) for datatype in DTYPES for shape in ((2, 3), (0, 3))]


@pytest.fixture(scope="module")
def echoes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[backend.ModelInstance, IsolatedInstance]]:
    """The same model in this process and in one of its own; a decoupled echo of every datatype."""
    root = tmp_path_factory.mktemp("models")
    tensors = "".join(
        f'input {{ name: "{name}" data_type: {to_config(name)} dims: [ -1, -1 ] optional: true }} '
        f'output {{ name: "{name}" data_type: {to_config(name)} dims: [ -1, -1 ] }} '
        for name in DTYPES
    )
    directory = python_models.add_model(
        root,
        "m",
        f"{tensors} model_transaction_policy {{ decoupled: true }} {ISOLATED}",
        """
        class Model:
            def execute(self, request):
                yield request.inputs
                if request.parameters.get("twice"):
                    yield request.inputs
        """,
    )
    config = model_config.complete(ModelRepository(root).config("m"))
    inside = backend.find("python")(directory, config, "cpu")
    with closing(inside), closing(load(directory)) as isolated:
        yield inside, isolated


@pytest.mark.parametrize(("datatype", "shape"), CASES, ids=str)
def test_every_datatype_is_answered_as_in_the_servers_process(
    echoes: tuple[backend.ModelInstance, IsolatedInstance], datatype: str, shape: tuple[int, ...]
) -> None:
    numbers = np.arange(np.prod(shape)).reshape(shape)
    array = numbers.astype(DTYPES[datatype])
    if datatype == "BYTES":
        array.reshape(-1)[:] = [b"\xff" * n for n in numbers.flat]
    inside, isolated = echoes
    expected, found = (list(each.stream({datatype: array}, {"twice": True}, lambda: False)) for each in echoes)  # type: ignore[attr-defined]
    assert len(found) == len(expected) == 2
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.keys() == theirs.keys()
        assert (ours[datatype].dtype, ours[datatype].shape) == (theirs[datatype].dtype, theirs[datatype].shape)
        assert ours[datatype].tolist() == theirs[datatype].tolist() == array.tolist()
    assert isolated.inputs == inside.inputs
    assert isolated.outputs == inside.outputs


def test_a_hundred_megabytes_pass_and_are_their_own_memory(
    echoes: tuple[backend.ModelInstance, IsolatedInstance],
) -> None:
    _, isolated = echoes
    large = np.arange(25_000_000, dtype=np.float32).reshape(1, -1)
    (first,), _ = (list(isolated.stream({"FP32": x}, {}, lambda: False)) for x in (large, large[:, :10]))
    assert np.array_equal(first["FP32"], large)


def test_arrays_that_a_model_keeps_stay_as_they_were(tmp_path: Path) -> None:
    directory = python_models.add_model(
        tmp_path,
        "m",
        f"""input {{ name: "x" data_type: TYPE_FP32 dims: -1 }} output {{ name: "sum" data_type: TYPE_FP32 dims: 1 }}
        {ISOLATED}""",
        """
        class Model:
            def load(self, context):
                self.kept = []
            def execute(self, request):
                self.kept.append(request.inputs["x"])
                return {"sum": [sum(x.sum() for x in self.kept)]}
        """,
    )
    with closing(load(directory)) as instance:
        sums = [instance.run({"x": np.full(3, number, np.float32)})["sum"][0] for number in (1, 2, 3)]
    assert sums == [3, 9, 18]


@pytest.mark.parametrize("name", ["onnxruntime", "pytorch"])
def test_graphs_are_answered_as_in_the_servers_process(tmp_path: Path, name: str) -> None:
    if name == "pytorch":
        pytest.importorskip("torch")
        tiny_models.add_torchscript(tmp_path, "m")
        with (tmp_path / "m" / "config.pbtxt").open("a") as file:
            file.write(ISOLATED)
    else:
        tiny_models.add_double(tmp_path, "m", extra=ISOLATED)
    directory = tmp_path / "m" / "1"
    config = model_config.complete(ModelRepository(tmp_path).config("m"))
    inside = backend.find(name)(directory, config, "cpu")
    row = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32)[:, : inside.inputs[0].shape[1]].copy()
    with closing(inside), closing(load(directory)) as isolated:
        assert (isolated.inputs, isolated.outputs) == (inside.inputs, inside.outputs)
        for rows in (row, row[:1]):
            expected = {output: array.tolist() for output, array in inside.run({"x": rows}).items()}
            assert {output: array.tolist() for output, array in isolated.run({"x": rows}).items()} == expected


def test_an_async_models_requests_are_in_it_at_once_and_a_caller_that_leaves_is_noticed(tmp_path: Path) -> None:
    python_models.add_endless_tokens(tmp_path)
    with (tmp_path / "endless_tokens" / "config.pbtxt").open("a") as file:
        file.write(ISOLATED)
    directory = tmp_path / "endless_tokens" / "1"
    with closing(load(directory)) as instance:
        gone = threading.Event()
        start = {"START": np.array([5])}
        one, other = (instance.stream(start, {}, gone.is_set) for _ in range(2))
        assert [next(each)["N"].tolist() for each in (one, other, one, other)] == [[5], [5], [6], [6]]
        gone.set()
        assert len(list(one)) <= 1
        assert (directory / "closed").exists()
        other.close()


def test_a_caller_is_blamed_as_in_the_servers_process(tmp_path: Path) -> None:
    directory = python_models.add_model(
        tmp_path,
        "m",
        f"""input {{ name: "x" data_type: TYPE_FP32 dims: -1 }} output {{ name: "y" data_type: TYPE_FP32 dims: 1 }}
        {ISOLATED}""",
        """
        from serving.errors import InvalidInput
        class Model:
            def execute(self, request):
                raise InvalidInput("x must not be")
        """,
    )
    with closing(load(directory)) as instance, pytest.raises(InvalidInput, match=r"^x must not be$"):
        instance.run({"x": ROW[0]})


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import no_such_module", "'model.py', line 1: ModuleNotFoundError: No module named 'no_such_module'"),
        ("class Model:\n    pass", "class 'Model' has no method execute"),
        ("import os; os.abort()", r"the model's process crashed \(SIGABRT\) while it loaded the model"),
    ],
)
def test_what_can_t_be_loaded_says_why_and_leaves_nothing(tmp_path: Path, source: str, words: str) -> None:
    directory = python_models.add_hazard(tmp_path)
    (directory / "model.py").write_text(source)
    threads, processes = set(threading.enumerate()), children()
    with pytest.raises(ModelLoadFailed, match=words):
        load(directory)
    wait_until(lambda: not (more_threads(threads) or children() - processes))


def test_only_what_was_loaded_is_started_again(tmp_path: Path) -> None:
    directory = python_models.add_hazard(tmp_path)
    with closing(load(directory)) as instance:
        (directory / "other.py").write_text("")
        with pytest.raises(InstanceDied):
            instance.run({"x": ROW * np.float32(KILL)})
        wait_until(lambda: "its files are no longer those that were loaded; load the model anew" in instance.lacks)
        (directory / "other.py").unlink()
        wait_until(lambda: not instance.lacks)
        answer(instance)


def kill(instance: IsolatedInstance) -> None:
    with pytest.raises(InstanceDied):
        instance.run({"x": ROW * np.float32(KILL)})


def test_what_is_started_again_answers_nobody_before_it_proved_itself(tmp_path: Path) -> None:
    may_end, proved = threading.Event(), []

    def prove(process: ModelInstance) -> None:
        proved.append(int(process.run({"x": ROW})["pid"][0, 0]))
        assert may_end.wait(30)

    with closing(load(python_models.add_hazard(tmp_path))) as instance:
        first = answer(instance)
        instance.prove_restarts(prove)
        kill(instance)
        wait_until(lambda: proved)
        assert "was killed" in instance.lacks
        with pytest.raises(InstanceDied, match="is started again"):
            instance.run({"x": ROW})
        may_end.set()
        wait_until(lambda: not instance.lacks)
        assert [answer(instance)] == proved != [first]


def test_what_does_not_prove_itself_stays_down_and_says_why(tmp_path: Path) -> None:
    reasons = [CRASH, FAIL, 1.0]

    def prove(process: ModelInstance) -> None:
        process.run({"x": ROW * np.float32(reasons.pop(0))})

    with closing(load(python_models.add_hazard(tmp_path))) as instance:
        instance.prove_restarts(prove)
        kill(instance)
        wait_until(lambda: "can't be started: crashed (SIGSEGV)" in instance.lacks)
        wait_until(lambda: "can't be started: RuntimeError: not this row" in instance.lacks)
        wait_until(lambda: not instance.lacks)
        assert reasons == []
        assert instance.restarts == 3


def test_what_a_proof_ends_without_a_word_is_spared_the_next_one(tmp_path: Path) -> None:
    """As a row of zeros may, which need not be an input that the model can take."""
    proofs = []

    def prove(process: ModelInstance) -> None:
        proofs.append(1)
        with suppress(Exception):
            process.run({"x": ROW * np.float32(CRASH)})

    with closing(load(python_models.add_hazard(tmp_path))) as instance:
        instance.prove_restarts(prove)
        kill(instance)
        wait_until(lambda: instance.restarts == 2 and not instance.lacks)
        answer(instance)
        assert len(proofs) == 1


def test_it_can_be_closed_while_another_proves_itself(tmp_path: Path) -> None:
    proving = threading.Event()

    def prove(process: ModelInstance) -> None:
        proving.set()
        process.run({"x": ROW * np.float32(SLEEP)})

    instance = load(python_models.add_hazard(tmp_path))
    instance.prove_restarts(prove)
    kill(instance)
    assert proving.wait(30)
    instance.close()
    assert instance.lacks


def test_a_sequences_model_says_once_that_what_it_knew_is_lost(tmp_path: Path) -> None:
    directory = python_models.add_hazard(tmp_path, extra=f"{ISOLATED} sequence_batching {{ direct {{ }} }}")
    with closing(load(directory)) as instance:
        psutil.Process(answer(instance)).kill()  # while nothing runs
        wait_until(lambda: instance.restarts == 1 and not instance.lacks)
        with pytest.raises(InstanceDied, match="and with it what it knew of its sequences; start them anew") as died:
            answer(instance)
        assert died.value.lost_sequences
        answer(instance)
        with pytest.raises(InstanceDied, match="had this request"):
            instance.run({"x": ROW * np.float32(KILL)})
        wait_until(lambda: instance.restarts == 2 and not instance.lacks)
        answer(instance)  # whoever had the request was told


def test_nothing_is_left_when_it_is_closed(tmp_path: Path) -> None:
    shared, descriptors = shared_files.files(), len(list(Path("/proc/self/fd").iterdir()))
    instance = load(python_models.add_hazard(tmp_path))
    pid = answer(instance)
    assert pid in children()
    shared_files.none_stays(shared)
    instance.close()
    assert not psutil.pid_exists(pid)
    del instance
    assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors


def test_what_its_config_leaves_open_is_read_by_a_process_too(tmp_path: Path) -> None:
    """A file that could end who reads it."""
    tiny_models.add_double(tmp_path)
    directory, config = tmp_path / "double" / "1", ModelRepository(tmp_path).config("double")
    in_here = backend.describe(directory, config)
    config.parameters["isolation"].string_value = "process"
    assert backend.describe(directory, config) == in_here
    config.parameters["isolation.memory_byte_size"].string_value = "30000000"
    with pytest.raises(ModelLoadFailed, match=r"the model's process ended by itself .* while it read the model's file"):
        backend.describe(directory, config)
    del config.parameters["isolation.memory_byte_size"]
    (directory / "model.onnx").write_bytes(b"no model")
    with pytest.raises(ModelLoadFailed, match=r"ONNX Runtime can't load 'model\.onnx'"):
        backend.describe(directory, config)
