from dataclasses import replace

import numpy as np
import pytest

from serving.backends.backend import InputMemory
from serving.core.datatypes import DTYPES
from serving.core.model_config import parse
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters
from serving.engine.batch_buffers import BatchBuffers, buffers_for
from serving.scheduling.batching import concatenate_in

FLOAT = np.dtype(np.float32)


def stacked(buffers: BatchBuffers, requests: list[dict[str, np.ndarray]]) -> Arrays:
    return concatenate_in(buffers, requests, sum(len(request["x"]) for request in requests))


def memory(is_better: bool = False) -> InputMemory:
    return InputMemory(lambda size: np.empty(size, np.uint8), is_better=is_better)


def test_the_same_name_has_the_same_memory_again_and_another_name_has_its_own() -> None:
    buffers = BatchBuffers(memory())
    first, second = buffers.take("x", FLOAT, (4, 3)), buffers.take("x", np.dtype(np.int64), (2, 1))
    other = buffers.take("z", FLOAT, (4, 3))
    assert first is not None
    assert second is not None
    assert other is not None
    assert (first.shape, first.dtype, second.shape, second.dtype) == ((4, 3), np.float32, (2, 1), np.int64)
    assert np.shares_memory(first, second)
    assert not np.shares_memory(first, other)


def test_it_grows_with_the_largest_batch_and_not_over_its_limit() -> None:
    allocated: list[int] = []

    def allocate(size: int) -> np.ndarray:
        allocated.append(size)
        return np.empty(size, np.uint8)

    buffers = BatchBuffers(InputMemory(allocate), limit=1 << 16)
    for rows in (1, 3000, 2000, 4096):
        assert buffers.take("x", FLOAT, (rows,)) is not None
    assert allocated == [4096, 16384]
    assert buffers.take("y", FLOAT, (12289,)) is None, "65536 bytes beside 16384"
    assert repr(buffers) == "<BatchBuffers 16 KiB>"
    assert buffers.take("x", FLOAT, (16384,)) is not None, "in place of the smaller one"


@pytest.mark.parametrize(("dtype", "shape"), [(np.dtype(object), (2,)), (FLOAT, (0, 3))])
def test_texts_and_nothing_have_no_place(dtype: np.dtype, shape: tuple[int, ...]) -> None:
    assert BatchBuffers(memory()).take("x", dtype, shape) is None


@pytest.mark.parametrize("dtype", [dtype for dtype in DTYPES.values() if not dtype.hasobject], ids=str)
def test_a_batch_is_the_same_in_it_whatever_its_type(dtype: np.dtype) -> None:
    random = np.random.default_rng(0)
    rows = [(random.random((count, 3)) * 3).astype(dtype) for count in (1, 4, 2)]
    buffers = BatchBuffers(memory())
    for parts in (rows, rows[1:], rows[::-1]):
        found = stacked(buffers, [{"x": part} for part in parts])["x"]
        assert found.dtype == dtype
        assert found.tobytes() == np.concatenate(parts).tobytes()
        assert np.shares_memory(found, buffers.take("x", dtype, found.shape))


def test_what_lies_in_it_is_copied_out_and_the_rest_is_not() -> None:
    buffers = BatchBuffers(memory())
    inside = buffers.take("x", FLOAT, (4, 3))
    assert inside is not None
    inside[...] = 1
    outside = np.ones(3)
    found = buffers.detached({"view": inside[1:, ::-1], "own": outside})
    inside[...] = 2
    assert found["own"] is outside
    assert found["view"].tolist() == [[1, 1, 1]] * 3


def test_a_request_alone_is_copied_only_where_that_memory_is_better() -> None:
    array = np.ones((2, 3), np.float32)
    assert stacked(BatchBuffers(memory()), [{"x": array}])["x"] is array
    better = BatchBuffers(memory(is_better=True))
    found = stacked(better, [{"x": array}])["x"]
    assert found.tolist() == array.tolist()
    assert np.shares_memory(found, better.take("x", FLOAT, (2, 3)))


def test_a_small_request_alone_is_not_copied_unless_another_size_is_liked() -> None:
    request = {"x": np.ones((2, 3), np.float32)}
    memory = InputMemory(lambda size: np.empty(size, np.uint8), least=1000, is_better=True)
    assert stacked(BatchBuffers(memory), [request])["x"] is request["x"]
    assert stacked(BatchBuffers(replace(memory, size_for=lambda _: 3)), [request])["x"].shape == (3, 3)


def test_batches_below_the_least_size_have_memory_of_their_own() -> None:
    buffers = BatchBuffers(InputMemory(lambda size: np.empty(size, np.uint8), least=64))
    rows = [{"x": np.ones((1, 4), np.float32)}] * 4
    assert np.shares_memory(stacked(buffers, rows)["x"], buffers.take("x", FLOAT, (4, 4)))
    assert not np.shares_memory(stacked(buffers, rows[:3])["x"], buffers.take("x", FLOAT, (3, 4)))


def test_a_batch_has_the_size_that_is_liked_and_further_rows_are_real_ones() -> None:
    liked = InputMemory(lambda size: np.full(size, 255, np.uint8), is_better=True, size_for=lambda _: 4)
    requests = [{"x": np.full((1, 2), value, np.float32), "t": np.array([[b"%d" % value]], object)} for value in (1, 2)]
    batch = stacked(BatchBuffers(liked), requests)
    assert batch["x"].tolist() == [[1, 1], [2, 2], [1, 1], [1, 1]]
    assert batch["t"].tolist() == [[b"1"], [b"2"], [b"1"], [b"1"]]
    small = stacked(BatchBuffers(liked, limit=0), requests)
    assert small["x"].tolist() == batch["x"].tolist(), "also where the batch has memory of its own"
    assert stacked(BatchBuffers(liked), requests[1:])["x"].tolist() == [[2, 2]] * 4


class Liking:
    inputs = outputs = ()
    concurrency = 1
    reads_parameters = False

    def __init__(self, memory: InputMemory | None) -> None:
        self.input_memory = memory

    def run(self, inputs: Arrays, _: Parameters = NO_PARAMETERS, /) -> Arrays:
        return inputs

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("dims", "rows", "memory", "has_some"),
    [
        ("4", 8, InputMemory(np.empty, least=128), True),
        ("4", 8, InputMemory(np.empty, least=129), False),
        ("-1", 8, InputMemory(np.empty, least=129), True),
        ("4", 8, InputMemory(np.empty, least=129, size_for=lambda rows: rows), True),
        ("4", 0, InputMemory(np.empty), False),
        ("4", 8, None, False),
    ],
)
def test_models_whose_batches_are_all_too_small_have_none(
    dims: str, rows: int, memory: InputMemory | None, has_some: bool
) -> None:
    io = f'name: "x" data_type: TYPE_FP32 dims: {dims}'
    config = parse(f'backend: "onnxruntime" max_batch_size: {rows} input {{ {io} }} output {{ {io} }}', "m")
    assert (buffers_for(Liking(memory), config) is not None) == has_some
