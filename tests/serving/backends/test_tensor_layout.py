import json

import numpy as np
import pytest

from serving.backends.tensor_layout import end_of, from_document, place, read, to_document, write
from serving.core.datatypes import DTYPES
from serving.core.requests import Arrays

SHAPES = [(), (0,), (3,), (2, 3), (2, 0, 3), (1, 2, 3, 4)]


def array_of(datatype: str, shape: tuple[int, ...]) -> np.ndarray:
    numbers = np.arange(np.prod(shape, dtype=int)).reshape(shape) % 7
    if datatype == "BYTES":
        texts = np.empty(shape, object)
        texts.reshape(-1)[:] = [b"\0" * n + b"ab" * n for n in numbers.flat]
        return texts
    return numbers.astype(DTYPES[datatype])


def there_and_back(arrays: Arrays, start: int = 0) -> Arrays:
    placed = place(arrays, start)
    document = json.loads(json.dumps(to_document(each.tensor for each in placed)))
    tensors = from_document(document)
    memory = np.full(end_of(tensors) + 100, 0xAA, np.uint8)
    write(placed, memory)
    assert (memory[:start] == 0xAA).all(), "what was there stays"
    return read(tensors, memory)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("datatype", DTYPES)
def test_every_datatype_and_shape_comes_back_as_it_was(datatype: str, shape: tuple[int, ...]) -> None:
    array = array_of(datatype, shape)
    (found,) = there_and_back({"x": array}).values()
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    assert found.tolist() == array.tolist()


def test_several_lie_behind_one_another_aligned_and_behind_what_is_there() -> None:
    arrays = {name: array_of(datatype, (2, 3)) for name, datatype in zip("abc", ["INT8", "BYTES", "FP64"], strict=True)}
    placed = [each.tensor for each in place(arrays, start=100)]
    assert [tensor.offset for tensor in placed] == [128, 192, 320]
    assert end_of(placed) == 320 + 6 * 8
    found = there_and_back(arrays, start=100)
    assert {name: array.tolist() for name, array in found.items()} == {n: a.tolist() for n, a in arrays.items()}


def test_numbers_with_gaps_between_them_are_written_close_together() -> None:
    array = np.arange(24).reshape(4, 6)[::2, ::-3]
    assert there_and_back({"x": array})["x"].tolist() == array.tolist()


def test_numbers_are_views_and_keep_the_memory_that_they_lie_in_alive() -> None:
    memory = np.zeros(256, np.uint8)
    placed = place({"x": np.ones((2, 2), np.float32)})
    write(placed, memory)
    found = read([each.tensor for each in placed], memory)["x"]
    assert found.base is memory
    assert found[1:].base is memory


def test_nothing_takes_no_memory() -> None:
    assert place({}) == []
    assert end_of([]) == 0
