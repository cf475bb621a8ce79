"""Losses of classes. Rule: each is a mean, over the rows or tokens that have a class."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from training.config import TrainConfig

IGNORED = -100
"""A class in whose place there is nothing to learn; cross_entropy's own."""


def classes(logits: Tensor, labels: Tensor, config: TrainConfig) -> Tensor:
    """`logits` [N, classes], `labels` int64 [N]; the loss is one of `OF_CLASSES`."""
    match config.loss:
        case "mse":
            return _brier(logits, labels)
        case "focal":
            return _focal(logits, labels, config)
        case _:
            return cross_entropy(logits, labels, label_smoothing=config.label_smoothing, ignore_index=IGNORED)


def _focal(logits: Tensor, labels: Tensor, config: TrainConfig) -> Tensor:
    """As by Lin et al., 2017 (arXiv:1708.02002)."""
    each = cross_entropy(logits, labels, label_smoothing=config.label_smoothing, ignore_index=IGNORED, reduction="none")
    likely = torch.exp(-cross_entropy(logits, labels, ignore_index=IGNORED, reduction="none"))
    return ((1 - likely) ** config.focal_gamma * each).sum() / (labels != IGNORED).sum()


def _brier(logits: Tensor, labels: Tensor) -> Tensor:
    """The squared distance of the probabilities from what is the case, of all classes. Source: Brier, 1950."""
    counts = labels != IGNORED
    wanted = one_hot(labels.where(counts, 0), logits.shape[1])
    return ((logits.float().softmax(1) - wanted).square().sum(1) * counts).sum() / counts.sum()
