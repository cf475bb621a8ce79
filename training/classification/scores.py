"""How good a classifier's probabilities are, and what a person sees of them.

Rule: `probabilities` are FP32 [rows, classes], `labels` int64 [rows], of rows that nothing was decided by.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from rich.console import RenderableType
from sklearn.metrics import f1_score

from training.display import confusion_table

_MOST_CLASSES = 20  # of a table that fits a terminal
_BINS = 10
_LEAST = 1e-12  # of what a logarithm is taken


def scores(probabilities: np.ndarray, labels: np.ndarray) -> Mapping[str, float]:
    """`calibration_error` is the expected one, by Guo et al., 2017 (arXiv:1706.04599), in 10 bins."""
    answers = probabilities.argmax(axis=1)
    likely = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return {
        "accuracy": float((answers == labels).mean()),
        "macro_f1": float(f1_score(labels, answers, average="macro", zero_division=0.0)),
        "loss": float(-np.log(np.maximum(likely, _LEAST)).mean()),
        "calibration_error": calibration_error(probabilities, labels),
    }


def calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    parts = [(bins == number) for number in range(_BINS)]
    return float(sum(abs(right[part].mean() - sure[part].mean()) * part.mean() for part in parts if part.any()))


def confusion(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Rows by [actual, predicted]."""
    classes = probabilities.shape[1]
    cells = labels * classes + probabilities.argmax(axis=1)
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)


def shown(probabilities: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> Iterable[RenderableType]:
    if len(names) <= _MOST_CLASSES:
        yield confusion_table(confusion(probabilities, labels).tolist(), names)


def clearest(probabilities: np.ndarray, labels: np.ndarray) -> int:
    """The row whose right label the model is surest of."""
    return int(probabilities[np.arange(len(labels)), labels].argmax())
