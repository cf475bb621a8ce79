"""Rows of several requests become one batch, and the batch's outputs become each request's rows again.

Rule: outputs are views into the batch's; a request that runs alone is not copied, unless its memory is unaligned.
"""

from collections.abc import Sequence

import numpy as np

from serving.core.requests import Arrays, format_shape
from serving.errors import BackendFailed


def concatenate(requests: Sequence[Arrays]) -> Arrays:
    """One array per input name, requests stacked along axis 0 in order; all have the same names and row shapes."""
    if len(requests) == 1:
        # A view into a request's body starts at any byte; runtimes may read whole words only.
        return {name: array if array.flags.aligned else array.copy() for name, array in requests[0].items()}
    return {name: np.concatenate([arrays[name] for arrays in requests]) for name in requests[0]}


def split(outputs: Arrays, rows: Sequence[int]) -> list[Arrays]:
    """The i-th result holds the next `rows[i]` rows of every output.

    Raises `BackendFailed` when an output does not have as many rows as the batch.
    """
    total = sum(rows)
    for name, array in outputs.items():
        if array.ndim == 0 or len(array) != total:
            raise BackendFailed(
                f"output '{name}' has shape {format_shape(array.shape)}, its first dimension should be {total}, "
                "the rows of the batch"
            )
    results: list[Arrays] = []
    start = 0
    for count in rows:
        results.append({name: array[start : start + count] for name, array in outputs.items()})
        start += count
    return results
