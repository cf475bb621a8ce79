"""Do two versions of a model give the same answer?

Rule: where an output has labels, the same best label is the same answer, since another training always gives other
scores; elsewhere numbers must be close and everything else equal.
"""

from collections.abc import Collection

import numpy as np

from serving.core.closeness import unequal_rows
from serving.core.requests import Arrays


def differing_rows(
    candidate: Arrays, current: Arrays, labelled: Collection[str], tolerance: float, batched: bool
) -> int:
    """How many rows have another answer in any output; without batches the whole answer counts as one row.

    `labelled` names the outputs with labels. Outputs that the two do not share are passed over.
    """
    differs: np.ndarray | None = None
    for name in candidate.keys() & current.keys():
        row_differs = _differs(candidate[name], current[name], name in labelled, tolerance, batched)
        differs = row_differs if differs is None else differs | row_differs
    return 0 if differs is None else int(differs.sum())


def _differs(first: np.ndarray, second: np.ndarray, is_labelled: bool, tolerance: float, batched: bool) -> np.ndarray:
    rows = len(first) if batched else 1
    if first.shape != second.shape or first.dtype != second.dtype:
        return np.ones(rows, np.bool_)
    if not first.size:
        return np.zeros(rows, np.bool_)
    if is_labelled and first.dtype.kind in "fiuV" and first.shape[-1:] > (1,):
        first, second = np.asarray(first.argmax(axis=-1)), np.asarray(second.argmax(axis=-1))
    return unequal_rows(first, second, rows, tolerance)
