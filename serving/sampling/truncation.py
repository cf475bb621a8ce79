"""One token of each row by chance, where only the likeliest may come. Rule: as many as asked for; of equal ones those
with the lowest ids.

Weights are those of `draw`. Sorting them without their ids is several times cheaper than with, and enough: the token of
a rank is found by its weight.
"""

import numpy as np

from serving.sampling.draw import below, block_sums

_FIRST_HEAD = 256  # tokens that are sorted first; where they don't suffice, so many times more
_WIDER = 8


def drop_improbable(weights: np.ndarray, min_p: np.ndarray) -> None:
    """Those below `min_p` [n] times the likeliest come no more, in place."""
    weights[weights < min_p[:, None]] = 0.0


def draw_likeliest(weights: np.ndarray, top_k: np.ndarray, top_p: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Token ids [n]: of the `top_k` [n] likeliest, 1 or more, the fewest that have `top_p` [n] of their weight."""
    totals = block_sums(weights).sum(axis=1)
    chosen = np.zeros(len(weights), np.int64)
    left, width = np.arange(len(weights)), _FIRST_HEAD
    while len(left):
        rows = weights if len(left) == len(weights) else weights[left]
        width = min(width, weights.shape[1])
        ids, sure = _of_head(rows, width, top_k[left], top_p[left], totals[left], uniforms[left])
        chosen[left[sure]] = ids[sure]
        left, width = left[~sure], width * _WIDER
    return chosen


def _of_head(
    weights: np.ndarray, width: int, top_k: np.ndarray, top_p: np.ndarray, totals: np.ndarray, uniforms: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """By the `width` largest only: ids, and for which rows these were enough."""
    rows = np.arange(len(weights))
    head = np.sort(np.partition(weights, -width, axis=1)[:, -width:], axis=1)[:, ::-1]
    sums = np.cumsum(head, axis=1, dtype=np.float64)
    longest = np.minimum(top_k, width)
    every = weights.shape[1]
    counted = np.where(top_k < every, sums[rows, longest - 1], totals)
    goals = top_p * counted
    kept = np.minimum((sums < goals[:, None]).sum(axis=1) + 1, longest)
    sure = (top_k <= width) | ((top_k == every) & (sums[:, -1] >= goals))
    targets = below(uniforms, sums[rows, kept - 1])
    ranks = (sums <= targets[:, None]).sum(axis=1)
    return _ids_of(weights, head, ranks), sure


def _ids_of(weights: np.ndarray, head: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    rows = np.arange(len(weights))
    values = head[rows, ranks]
    before = ranks - (head > values[:, None]).sum(axis=1)  # equal ones with a lower id
    alike = weights == values[:, None]
    ids: np.ndarray = alike.argmax(axis=1)
    for row in np.flatnonzero(before):
        ids[row] = np.flatnonzero(alike[row])[before[row]]
    return ids
