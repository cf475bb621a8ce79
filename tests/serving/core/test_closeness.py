import numpy as np
import pytest

from serving.core.closeness import unequal_rows
from serving.core.datatypes import DTYPES

X = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)


@pytest.mark.parametrize("datatype", ["FP16", "BF16", "FP32", "FP64"])
def test_numbers_may_differ_by_the_tolerance(datatype: str) -> None:
    other = np.array([[1.0, 2.25], [3.0, 4.0]], np.float32)
    expected, found = X.astype(DTYPES[datatype]), other.astype(DTYPES[datatype])
    assert unequal_rows(found, expected, 2, tolerance=0.1).tolist() == [False, False]
    assert unequal_rows(found, expected, 2, tolerance=0.01).tolist() == [True, False]
    assert unequal_rows(found, expected, 1, tolerance=0.01).tolist() == [True], "all of it is one row"


def test_everything_else_must_be_equal() -> None:
    assert unequal_rows(np.array([[1], [3]]), np.array([[1], [2]]), 2, tolerance=10).tolist() == [False, True]
    texts = np.array([[b"a"], [b"b"]], np.object_)
    assert unequal_rows(texts, texts[::-1], 2, tolerance=10).tolist() == [True, True]


def test_what_is_no_number_equals_only_itself() -> None:
    nan = np.full((2, 1), np.nan, np.float32)
    assert unequal_rows(nan, nan, 2, tolerance=0.1).tolist() == [False, False]
    assert unequal_rows(nan, np.ones((2, 1), np.float32), 2, tolerance=0.1).tolist() == [True, True]
