"""One token of each row by chance, where every token may come. Rule: a row is computed as if it were alone.

Weights are probabilities before division by their sum: float32 [n, V], 1 for the likeliest token of each row.
"""

import numpy as np

_BLOCK = 64  # tokens; summed together, so that only one block is looked through


def weights_of(logits: np.ndarray, peaks: np.ndarray, temperatures: np.ndarray) -> np.ndarray:
    """Of logits float32 [n, V]; `peaks` [n] are the largest of each row, `temperatures` [n] above 0."""
    with np.errstate(over="ignore", under="ignore"):  # far from the peak it is -inf, and the weight 0
        weights: np.ndarray = logits - peaks[:, None]
        if (temperatures != 1.0).any():
            weights *= (1.0 / temperatures)[:, None]
        np.exp(weights, out=weights)
    return weights


def block_sums(weights: np.ndarray) -> np.ndarray:
    """Of 64 tokens each: float64 [n, blocks]."""
    starts = np.arange(0, weights.shape[1], _BLOCK)
    return np.add.reduceat(weights, starts, axis=1).astype(np.float64)


def draw(weights: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Token ids [n]; `uniforms` float64 [n] in [0, 1)."""
    sums = np.cumsum(block_sums(weights), axis=1)
    targets = below(uniforms, sums[:, -1])
    blocks = (sums <= targets[:, None]).sum(axis=1)
    before = np.where(blocks > 0, sums[np.arange(len(sums)), blocks - 1], 0.0)
    ids: np.ndarray = blocks * _BLOCK + _inside(_block(weights, blocks), targets - before)
    return ids


def below(uniforms: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """So much of each total, and always less than all of it."""
    parts: np.ndarray = np.minimum(uniforms * totals, np.nextafter(totals, 0.0))
    return parts


def _block(weights: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """One block of each row [n, 64], with weights of 0 where the last one is shorter."""
    ids = blocks[:, None] * _BLOCK + np.arange(_BLOCK)
    there = ids < weights.shape[1]
    return np.where(there, weights[np.arange(len(weights))[:, None], np.where(there, ids, 0)], 0.0)


def _inside(weights: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Places in blocks. A block's sum was rounded otherwise than these: beyond all is the last that may come."""
    sums = np.cumsum(weights, axis=1, dtype=np.float64)
    last = (sums < sums[:, -1:]).sum(axis=1)
    places: np.ndarray = np.minimum((sums <= targets[:, None]).sum(axis=1), last)
    return places
