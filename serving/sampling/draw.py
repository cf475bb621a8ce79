"""One token of each row by chance, where every token may come. Rule: a row is computed as if it were alone.

Weights are probabilities before division by their sum: float32 [n, V], 1 for the likeliest token of each row.
"""

import numpy as np

_BLOCK = 64  # tokens; summed together, so that only one block is looked through


def weights_of(logits: np.ndarray, peaks: np.ndarray, temperatures: np.ndarray) -> np.ndarray:
    """In the place of the logits [n, V]; `peaks` [n] are the largest of each row, temperatures [n] above 0."""
    with np.errstate(over="ignore", under="ignore"):  # far from the peak it is -inf, and the weight 0
        np.subtract(logits, peaks[:, None], out=logits)
        np.divide(logits, temperatures[:, None], out=logits)
        return np.exp(logits, out=logits)


def block_sums(weights: np.ndarray) -> np.ndarray:
    """Of 64 tokens each: float64 [n, blocks]."""
    starts = np.arange(0, weights.shape[1], _BLOCK)
    return np.add.reduceat(weights, starts, axis=1).astype(np.float64)


def draw(weights: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Token ids [n]; `uniforms` float64 [n] in [0, 1)."""
    sums = np.cumsum(block_sums(weights), axis=1)
    targets = below(uniforms, sums[:, -1])
    blocks = (sums <= targets[:, None]).sum(axis=1)
    rows = np.arange(len(weights))
    rest = targets - np.where(blocks > 0, sums[rows, blocks - 1], 0.0)
    return np.array([_inside(*each) for each in zip(weights, blocks.tolist(), rest.tolist(), strict=True)], np.int64)


def below(uniforms: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """So much of each total, and always less than all of it."""
    return np.minimum(uniforms * totals, np.nextafter(totals, 0.0))


def _inside(weights: np.ndarray, block: int, rest: float) -> int:
    """Sums of blocks are rounded otherwise than those of their tokens: what goes beyond is the last that may come."""
    sums = np.cumsum(weights[block * _BLOCK : (block + 1) * _BLOCK], dtype=np.float64)
    found = min(np.searchsorted(sums, rest, side="right"), np.searchsorted(sums, sums[-1]))
    return block * _BLOCK + int(found)
