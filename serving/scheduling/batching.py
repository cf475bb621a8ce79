"""Rows of several requests become one batch, and the batch's outputs become each request's rows again.

Rule: outputs are views into the batch's; a request that runs alone is not copied, unless its memory is unaligned, or
there is memory that is better.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from serving.core.requests import Arrays, format_shape
from serving.errors import BackendFailed


class Buffers(Protocol):
    """Memory that is used again, see `concatenate_in`."""

    @property
    def holds_single(self) -> bool:
        """Whether a request that runs alone may have to be copied."""

    def size_for(self, rows: int, /) -> int:
        """How many rows the batch is to have; the further ones are copies of the first."""

    def take(self, name: str, dtype: np.dtype, shape: tuple[int, ...], /) -> np.ndarray | None:
        """To be written to; None where the batch needs memory of its own."""


def concatenate(requests: Sequence[Arrays]) -> Arrays:
    """One array per input name, requests stacked along axis 0 in order; all have the same names and row shapes."""
    if len(requests) == 1:
        # A view into a request's body starts at any byte; runtimes may read whole words only.
        return {name: array if array.flags.aligned else array.copy() for name, array in requests[0].items()}
    return {name: np.concatenate([arrays[name] for arrays in requests]) for name in requests[0]}


def concatenate_in(buffers: Buffers, requests: Sequence[Arrays], rows: int) -> Arrays:
    """The same, where they have so many rows together, in memory that `buffers` give."""
    size = buffers.size_for(rows)
    if len(requests) == 1 and size == rows and not buffers.holds_single:
        return concatenate(requests)
    return {name: _stacked(name, [arrays[name] for arrays in requests], rows, size, buffers) for name in requests[0]}


def _stacked(name: str, arrays: list[np.ndarray], rows: int, size: int, buffers: Buffers) -> np.ndarray:
    shape, dtype = (size, *arrays[0].shape[1:]), arrays[0].dtype
    batch = buffers.take(name, dtype, shape)
    if batch is None and size == rows:
        return np.concatenate(arrays) if len(arrays) > 1 or not arrays[0].flags.aligned else arrays[0]
    if batch is None:
        batch = np.empty(shape, dtype)
    np.concatenate(arrays, out=batch[:rows])
    batch[rows:] = batch[0]
    return batch


def split(outputs: Arrays, rows: Sequence[int], spare: int = 0) -> list[Arrays]:
    """The i-th result holds the next `rows[i]` rows of every output, `spare` ones being left over.

    Raises `BackendFailed` when an output does not have as many rows as the batch.
    """
    total = sum(rows) + spare
    for name, array in outputs.items():
        if array.ndim == 0 or len(array) != total:
            raise BackendFailed(
                f"output '{name}' has shape {format_shape(array.shape)}, its first dimension should be {total}, "
                "the rows of the batch"
            )
    if len(rows) == 1 and not spare:
        return [outputs]
    results: list[Arrays] = []
    start = 0
    for count in rows:
        results.append({name: array[start : start + count] for name, array in outputs.items()})
        start += count
    return results
