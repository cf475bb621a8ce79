"""Inputs with the training set's mean taken away and divided by its standard deviation.

Rule: the statistics are buffers, so they are saved with the weights and travel inside every exported graph.
"""

import torch
from torch import Tensor, nn

_MIN_STD = 1e-6  # a feature that never varies must not divide by zero


class Standardize(nn.Module):
    """`shape` () keeps one mean and deviation for all values, (30,) one for each of the 30 columns."""

    mean: Tensor
    std: Tensor

    def __init__(self, shape: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("std", torch.ones(shape))

    def fit(self, rows: Tensor) -> None:
        """Take the statistics of `rows` [N, ...], whose last dimensions are `shape`."""
        values = rows.reshape(-1, *self.mean.shape)
        self.mean.copy_(values.mean(dim=0))
        self.std.copy_(values.std(dim=0, correction=0).clamp_min(_MIN_STD))

    def forward(self, rows: Tensor) -> Tensor:
        return (rows - self.mean) / self.std
