"""Are two arrays the same, row by row, but for rounding? Rule: numbers may differ by a tolerance, nothing else may."""

import numpy as np


def is_inexact(array: np.ndarray) -> bool:
    """FP16, BF16 (numpy's V, as ml_dtypes has it), FP32, FP64."""
    return array.dtype.kind in "fV"


def widened(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64)


def unequal_rows(found: np.ndarray, expected: np.ndarray, rows: int, tolerance: float) -> np.ndarray:
    """[rows] of bool. Both have the same shape; `tolerance` is absolute and relative to `expected`; NaN equals NaN."""
    if is_inexact(found) and is_inexact(expected):
        equal = np.isclose(widened(found), widened(expected), rtol=tolerance, atol=tolerance, equal_nan=True)
    else:
        equal = np.asarray(found == expected)
    unequal: np.ndarray = np.logical_not(np.all(equal.reshape(rows, -1), axis=1))
    return unequal
