import numpy as np
import pytest

from serving.core.datatypes import DTYPES
from serving.errors import InvalidInput
from serving.protocols.classification import classes

SCORES = np.float32([[0.25, 15, -1], [3, 2, 1]])


def test_the_largest_come_first_with_their_index_and_label() -> None:
    found = classes("y", SCORES, 2, ("a", "b"), has_batch=True)
    assert found.tolist() == [[b"15.000000:1:b", b"0.250000:0:a"], [b"3.000000:0:a", b"2.000000:1:b"]]


def test_without_labels_or_beyond_them_there_is_only_the_index() -> None:
    assert classes("y", SCORES[:1], 3, ("a",), has_batch=True).tolist() == [
        [b"15.000000:1", b"0.250000:0:a", b"-1.000000:2"]
    ]


def test_more_classes_than_there_are_gives_those_there_are() -> None:
    assert classes("y", SCORES, 99, (), has_batch=True).shape == (2, 3)


def test_without_a_batch_there_is_one_list() -> None:
    assert classes("y", np.int64([5, 9]), 1, (), has_batch=False).tolist() == [b"9:1"]


def test_all_dimensions_but_the_batchs_are_classes() -> None:
    assert classes("y", np.uint8([[[1, 2], [3, 4]]]), 1, (), has_batch=True).tolist() == [[b"4:3"]]


def test_no_elements_are_no_classes() -> None:
    assert classes("y", np.zeros((0, 3), np.float32), 2, (), has_batch=True).size == 0


@pytest.mark.parametrize("datatype", ["BYTES", "FP16", "BF16", "BOOL"])
def test_what_is_no_plain_number_has_no_classes(datatype: str) -> None:
    with pytest.raises(InvalidInput, match=f"output 'y' due to unsupported type '{datatype}'"):
        classes("y", np.zeros((1, 2), DTYPES[datatype]), 1, (), has_batch=True)


def test_a_million_elements_are_enough() -> None:
    with pytest.raises(InvalidInput, match="classification output tensor too large"):
        classes("y", np.zeros((1, 1_000_001), np.float32), 1, (), has_batch=True)
