"""What a config says of batching and tensors, seen by NVIDIA's client.

Who runs first, together, late or not at all; who is answered when; and in which shape.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http.aio as triton
from tritonclient.utils import InferenceServerException

from tests import python_models, tiny_models
from tests.running_server import RunningServer, running

# Answers each row with the number of the run that it was in; a row waits in the model for the file of its name.
GATED = """
import time

class Model:
    def load(self, context):
        self.directory = context.directory
        self.runs = 0

    def execute(self, request):
        run, self.runs = self.runs, self.runs + 1
        for row in request.inputs["x"].ravel():
            (self.directory / f"{row}.entered").touch()
            while not (self.directory / str(row)).exists():
                time.sleep(0.001)
        return {"run": request.inputs["x"] * 0 + run}
"""
TENSORS = """input { name: "x" data_type: TYPE_INT64 dims: 1 } output { name: "run" data_type: TYPE_INT64 dims: 1 } """
HOUR = 3_600_000_000  # microseconds
CONFIGS = {
    "priorities": "max_batch_size: 1 dynamic_batching { priority_levels: 3 default_priority_level: 2 }",
    "delay": "max_batch_size: 1 dynamic_batching { default_queue_policy { timeout_action: DELAY } }",
    "reject": "max_batch_size: 1 dynamic_batching { default_queue_policy { timeout_action: REJECT } }",
    "levels": f"""max_batch_size: 1 dynamic_batching {{
        priority_levels: 2 default_priority_level: 2
        priority_queue_policy {{ key: 1 value {{ default_timeout_microseconds: 1 }} }}
        default_queue_policy {{ timeout_action: DELAY default_timeout_microseconds: {HOUR} max_queue_size: 2 }} }}""",
    "ordered": "max_batch_size: 1 dynamic_batching { preserve_ordering: true } instance_group { count: 2 }",
    "preferred": f"""max_batch_size: 8
        dynamic_batching {{ preferred_batch_size: [ 2, 4 ] max_queue_delay_microseconds: {HOUR} }}""",
}


@dataclass(frozen=True)
class Gated:
    """A model of `CONFIGS`, whose requests run as the test lets them."""

    name: str
    directory: Path
    server: RunningServer
    client: triton.InferenceServerClient

    def let(self, *rows: int) -> None:
        for row in rows:
            (self.directory / str(row)).touch()

    async def ask(self, row: int, **options: Any) -> int:
        """The number of the run that it was in."""
        x = triton.InferInput("x", [1, 1], "INT64")
        x.set_data_from_numpy(np.array([[row]]))
        reply = await self.client.infer(self.name, [x], **options)
        return int(reply.as_numpy("run")[0, 0])

    async def run(self, row: int) -> "asyncio.Task[int]":
        """Its task, once the model has it in hand."""
        task = asyncio.create_task(self.ask(row))
        await until((self.directory / f"{row}.entered").exists)
        return task

    async def queue(self, row: int, waiting: int, **options: Any) -> "asyncio.Task[int]":
        """Its task, once so many requests wait."""
        task = asyncio.create_task(self.ask(row, **options))
        await asyncio.to_thread(self.server.wait_for_pending, self.name, waiting)
        return task

    async def statistics(self) -> dict[str, Any]:
        found: dict[str, Any] = (await self.client.get_inference_statistics(self.name))["model_stats"][0]
        return found


async def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    for name, config in CONFIGS.items():
        python_models.add_model(root, name, TENSORS + config, GATED)
    add_reshaped(root)
    add_sums(root)
    add_biased(root)
    return root


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[RunningServer]:
    with running(root) as server:
        yield server


@pytest.fixture
async def client(server: RunningServer) -> AsyncIterator[triton.InferenceServerClient]:
    async with triton.InferenceServerClient(server.address, conn_limit=32) as client:
        yield client


@pytest.fixture
def gated(root: Path, server: RunningServer, client: triton.InferenceServerClient) -> Callable[[str], Gated]:
    return lambda name: Gated(name, root / name / "1", server, client)


async def test_higher_priorities_run_first(gated: Callable[[str], Gated]) -> None:
    model = gated("priorities")
    first = await model.run(0)
    low = await model.queue(1, waiting=1, priority=3)
    default = await model.queue(2, waiting=2)
    unknown = await model.queue(3, waiting=3, priority=7)
    high = await model.queue(4, waiting=4, priority=1)
    model.let(0, 1, 2, 3, 4)
    assert await asyncio.gather(first, high, default, unknown, low) == [0, 1, 2, 3, 4]


async def test_a_delayed_request_runs_when_nothing_else_waits(gated: Callable[[str], Gated]) -> None:
    model = gated("delay")
    first = await model.run(0)
    late = await model.queue(1, waiting=1, timeout=1)
    patient = await model.queue(2, waiting=2)
    generous = await model.queue(3, waiting=3, timeout=HOUR)
    model.let(0, 1, 2, 3)
    assert await asyncio.gather(first, patient, generous, late) == [0, 1, 2, 3]


async def test_a_rejected_request_does_not_run_and_costs_nobody_anything(gated: Callable[[str], Gated]) -> None:
    model = gated("reject")
    first = await model.run(0)
    patient = await model.queue(1, waiting=1)
    with pytest.raises(InferenceServerException, match=r"Request timeout expired$") as failure:
        await model.ask(2, timeout=1)
    assert failure.value.status() == "503"
    assert not first.done()
    model.let(0, 1, 2)
    assert await asyncio.gather(first, patient) == [0, 1]


async def test_each_priority_level_has_its_own_policy(gated: Callable[[str], Gated]) -> None:
    model = gated("levels")
    first = await model.run(0)
    late = await model.queue(1, waiting=1, timeout=1)
    low = await model.queue(2, waiting=2)
    with pytest.raises(InferenceServerException, match="Exceeds maximum queue size: 2 requests"):
        await model.ask(3)
    with pytest.raises(InferenceServerException, match=r"Request timeout expired$"):
        await model.ask(4, priority=1)
    assert not first.done()
    model.let(0, 1, 2, 3, 4)
    assert await asyncio.gather(first, low, late) == [0, 1, 2]


async def test_with_preserve_ordering_answers_wait_for_those_of_earlier_requests(gated: Callable[[str], Gated]) -> None:
    model = gated("ordered")
    first, second = await model.run(1), await model.run(2)
    third, fourth = await model.queue(3, waiting=1), await model.queue(4, waiting=2)
    model.let(2, 3, 4)
    while (await model.statistics())["inference_stats"]["success"]["count"] < 3:
        await asyncio.sleep(0.001)
    assert await model.client.is_server_live()
    assert not any(task.done() for task in (first, second, third, fourth))
    third.cancel()
    model.let(1)
    assert await asyncio.gather(first, second, fourth) == [0, 0, 2]
    assert (await model.statistics())["inference_stats"]["success"]["count"] == 4


async def test_batches_of_preferred_sizes_do_not_wait_for_the_delay(gated: Callable[[str], Gated]) -> None:
    model = gated("preferred")
    model.let(*range(2, 8))
    pair = [asyncio.create_task(model.ask(row)) for row in (0, 1)]
    await until((model.directory / "0.entered").exists)
    rest = [await model.queue(row, waiting=row - 1) for row in range(2, 8)]
    model.let(0, 1)
    assert await asyncio.gather(*pair) == [0, 0]
    assert await asyncio.gather(*rest) == [1, 1, 1, 1, 2, 2]
    batches = {
        batch["batch_size"]: batch["compute_infer"]["count"] for batch in (await model.statistics())["batch_stats"]
    }
    assert batches == {2: 2, 4: 1}


def add_reshaped(root: Path) -> None:
    """The file flips matrices of 2 rows; its callers see them flat."""
    folder = tiny_models.write_config(
        root,
        "reshaped",
        """backend: "onnxruntime" max_batch_size: 4 dynamic_batching { }
        input { name: "x" data_type: TYPE_FP32 dims: 6 reshape { shape: [ 2, 3 ] } }
        output { name: "y" data_type: TYPE_FP32 dims: [ 1, 6 ] reshape { shape: [ 3, 2 ] } }""",
    )
    tiny_models.write_onnx(
        folder / "1" / "model.onnx",
        "g (float[n, 2, 3] x) => (float[n, 3, 2] y) { y = Transpose <perm = [0, 2, 1]> (x) }",
    )


def add_sums(root: Path) -> None:
    """A file without a config, which takes and gives one value for each row."""
    tiny_models.write_onnx(root / "sums" / "1" / "model.onnx", "g (float[n] x) => (float[n] y) { y = Add(x, x) }")


def add_biased(root: Path) -> None:
    """y = x + bias, which is 10 unless it is given."""
    folder = tiny_models.write_config(
        root,
        "biased",
        """backend: "onnxruntime" input { name: "x" data_type: TYPE_FP32 dims: 1 }
        input { name: "bias" data_type: TYPE_FP32 dims: 1 optional: true }
        output { name: "y" data_type: TYPE_FP32 dims: 1 }""",
    )
    tiny_models.write_onnx(
        folder / "1" / "model.onnx",
        "g (float[1] x, float[1] bias) => (float[1] y) { y = Add(x, bias) }",
        bias=np.array([10], np.float32),
    )


def tensor(name: str, array: np.ndarray) -> triton.InferInput:
    given = triton.InferInput(name, list(array.shape), "FP32")
    given.set_data_from_numpy(array)
    return given


async def test_callers_see_dims_whatever_the_file_has(client: triton.InferenceServerClient) -> None:
    metadata = await client.get_model_metadata("reshaped")
    assert [each["shape"] for each in (*metadata["inputs"], *metadata["outputs"])] == [[-1, 6], [-1, 1, 6]]
    rows = np.arange(12, dtype=np.float32).reshape(2, 6)
    y = (await client.infer("reshaped", [tensor("x", rows)])).as_numpy("y")
    assert y.tolist() == rows.reshape(2, 2, 3).transpose(0, 2, 1).reshape(2, 1, 6).tolist()
    with pytest.raises(InferenceServerException, match=r"Expected \[-1,6\], got \[1,2,3\]"):
        await client.infer("reshaped", [tensor("x", np.zeros((1, 2, 3), np.float32))])


async def test_requests_with_reshapes_run_together_and_each_gets_its_own_rows(
    client: triton.InferenceServerClient,
) -> None:
    rows = np.random.default_rng(0).random((40, 1, 6), np.float32)
    replies = await asyncio.gather(*(client.infer("reshaped", [tensor("x", row)]) for row in rows))
    answers = np.stack([reply.as_numpy("y") for reply in replies])
    assert np.array_equal(answers.reshape(40, 3, 2), rows.reshape(40, 2, 3).transpose(0, 2, 1))


async def test_a_file_of_one_value_for_each_row_is_completed_as_rows_of_one(
    client: triton.InferenceServerClient,
) -> None:
    config = await client.get_model_config("sums")
    assert (config["input"][0]["dims"], config["input"][0]["reshape"]) == ([1], {"shape": []})
    assert (await client.get_model_metadata("sums"))["outputs"][0]["shape"] == [-1, 1]
    y = (await client.infer("sums", [tensor("x", np.array([[1], [2]], np.float32))])).as_numpy("y")
    assert y.tolist() == [[2], [4]]


async def test_an_input_with_a_default_in_the_file_may_be_left_out(client: triton.InferenceServerClient) -> None:
    x, bias = tensor("x", np.array([1], np.float32)), tensor("bias", np.array([5], np.float32))
    assert (await client.infer("biased", [x])).as_numpy("y").tolist() == [11]
    assert (await client.infer("biased", [x, bias])).as_numpy("y").tolist() == [6]
