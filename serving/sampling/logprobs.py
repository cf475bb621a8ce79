"""How probable the model itself found tokens. Rule: of the raw logits, before penalties, temperature or a grammar."""

import numpy as np


def normaliser(logits: np.ndarray, peak: float) -> float:
    """What is taken off the logits [V] of a row to make them logarithms of probabilities; `peak` is the largest."""
    return peak + float(np.log(np.exp(logits - np.float32(peak)).sum(dtype=np.float64)))


def likeliest(logits: np.ndarray, count: int) -> np.ndarray:
    """Ids of the `count` largest of a row, the largest first, of equal ones the lowest id; none that can't come."""
    count = min(count, len(logits))
    if not count:
        return np.empty(0, np.int64)
    least = np.partition(logits, -count)[-count]
    ids = np.flatnonzero((logits >= least) & (logits > -np.inf))
    return ids[np.argsort(-logits[ids], kind="stable")[:count]]
