import numpy as np
import pytest

from serving.errors import BackendFailed
from serving.scheduling.batching import concatenate, split


def test_rows_are_stacked_in_order_for_every_input() -> None:
    first = {"a": np.array([[1, 2]]), "b": np.array([[1.5]])}
    second = {"a": np.array([[3, 4], [5, 6]]), "b": np.array([[2.5], [3.5]])}
    batch = concatenate([first, second])
    assert batch["a"].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert batch["b"].tolist() == [[1.5], [2.5], [3.5]]


def test_a_request_alone_is_not_copied() -> None:
    array = np.zeros((2, 3), np.float32)
    assert concatenate([{"a": array}])["a"] is array


def test_unaligned_memory_is_copied_before_a_runtime_sees_it() -> None:
    unaligned = np.frombuffer(memoryview(b"x" + np.float32([1, 2]).tobytes())[1:], np.float32)
    assert not unaligned.flags.aligned
    result = concatenate([{"a": unaligned}])["a"]
    assert result.flags.aligned
    assert result.tolist() == [1, 2]


def test_split_gives_each_request_its_rows_as_views() -> None:
    output = np.arange(12).reshape(6, 2)
    parts = split({"y": output}, [1, 3, 2])
    assert [part["y"].tolist() for part in parts] == [[[0, 1]], [[2, 3], [4, 5], [6, 7]], [[8, 9], [10, 11]]]
    assert all(np.shares_memory(part["y"], output) for part in parts)


def test_a_request_alone_has_all_that_there_is_unless_rows_are_nobodys() -> None:
    output = np.arange(6).reshape(3, 2)
    [alone] = split({"y": output, "z": output}, [3])
    assert alone.keys() == {"y", "z"}
    assert alone["y"] is output
    [part] = split({"y": output}, [2], spare=1)
    assert part["y"].tolist() == [[0, 1], [2, 3]]
    with pytest.raises(BackendFailed, match="its first dimension should be 2"):
        split({"y": output}, [2])


@pytest.mark.parametrize("output", [np.zeros(()), np.zeros((5, 2)), np.zeros((7, 2))])
def test_outputs_that_are_not_rows_are_a_failure_of_the_model(output: np.ndarray) -> None:
    with pytest.raises(BackendFailed, match="output 'y' has shape"):
        split({"y": output}, [1, 3, 2])


def test_rows_that_are_left_over_are_nobodys() -> None:
    output = np.arange(5)
    assert [part["y"].tolist() for part in split({"y": output}, [1, 2], spare=2)] == [[0], [1, 2]]
    with pytest.raises(BackendFailed, match="its first dimension should be 5"):
        split({"y": output[:3]}, [1, 2], spare=2)
