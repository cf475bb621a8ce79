"""Losses of classes. Rule: each is a mean, over the rows or tokens that have a class."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from training.config import TrainConfig

IGNORED = -100
"""A class in whose place there is nothing to learn; cross_entropy's own."""


def classes(logits: Tensor, labels: Tensor, config: TrainConfig) -> Tensor:
    """`logits` [N, classes], `labels` int64 [N]. Focal as by Lin et al., 2017 (arXiv:1708.02002)."""
    if not config.focal_gamma:
        return cross_entropy(logits, labels, label_smoothing=config.label_smoothing, ignore_index=IGNORED)
    each = cross_entropy(logits, labels, label_smoothing=config.label_smoothing, ignore_index=IGNORED, reduction="none")
    likely = torch.exp(-cross_entropy(logits, labels, ignore_index=IGNORED, reduction="none"))
    return ((1 - likely) ** config.focal_gamma * each).sum() / (labels != IGNORED).sum()
