"""How good pictures are that a model made, beside real ones that it never saw.

Rule: pixels are compared as a file holds them, whole numbers; nothing here was trained.
"""

from collections.abc import Mapping

import numpy as np

_NEIGHBOURS = 5


def judge(made: np.ndarray, labels: np.ndarray, real: np.ndarray, known: np.ndarray) -> Mapping[str, float]:
    """`made` and `real`, pictures that were held out, are [rows, ...], of `labels` [rows]; `known` [rows, k, ...] has
    pictures of the same labels that the model was trained on.

    `recognised` is the share whose nearest known picture is of the label that was asked for; `variety` that of real
    ones that are nearer to a picture that was made than its fifth nearest of those is (the recall of Kynkäänniemi et
    al., 2019), 0 where all look alike; `novelty` how far they are from the nearest known picture, 1 where as far as
    real ones, 0 for copies.
    """
    made, real = whole(made), whole(real)
    references, of = whole(known.reshape(-1, *known.shape[2:])), np.repeat(labels, known.shape[1])
    to_known = distances(made, references)
    return {
        "recognised": float((of[to_known.argmin(axis=1)] == labels).mean()),
        "variety": _variety(made, real),
        "novelty": _novelty(to_known, distances(real, references)),
    }


def whole(pictures: np.ndarray) -> np.ndarray:
    """Float64 [rows, size]."""
    pixels: np.ndarray = np.rint(pictures).clip(0, 255).astype(np.float64)
    return pixels.reshape(len(pictures), -1)


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """[rows of one, rows of the other]; exact, as all are whole numbers."""
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    found: np.ndarray = np.sqrt(squares.clip(0))
    return found


def _variety(made: np.ndarray, real: np.ndarray) -> float:
    neighbours = min(_NEIGHBOURS, len(made) - 1)  # the nearest of all is the picture itself
    reach = np.partition(distances(made, made), neighbours, axis=1)[:, neighbours]
    return float((distances(real, made) <= reach).any(axis=1).mean())


def _novelty(made: np.ndarray, real: np.ndarray) -> float:
    usual = np.median(real.min(axis=1))
    return float(min(1.0, np.median(made.min(axis=1)) / usual)) if usual else 1.0
