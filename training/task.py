"""What is trained: a model, rows in an order, a loss, and how well it does.

Rule: nothing is remembered from step to step: the order follows from the seed and the number of the pass, and chance
from torch's own generator, so that a run can go on from any step.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

Batch = TypeVar("Batch")
Found = TypeVar("Found", bound="Evaluation", covariant=True)

LESS_IS_BETTER = ("bits_per_byte", "perplexity")
"""Scores that say what the loss says. All others are shares, and more of them is better."""


class Evaluation(Protocol):
    """On what is held out."""

    @property
    def loss(self) -> float: ...

    @property
    def scores(self) -> Mapping[str, float]:
        """By name, such as accuracy; of the first more is better, unless it is one of `LESS_IS_BETTER`."""


class Task(Protocol[Batch, Found]):
    def build(self) -> nn.Module:
        """With its first weights, which torch's generator decides."""

    def order(self, number: int, seed: int, batch_size: int) -> Sequence[Tensor]:
        """The rows of each batch of a pass, int64 [at most batch_size]; passes count from 0."""

    def batch(self, rows: Tensor, device: str) -> Batch: ...

    def weight(self, batch: Batch) -> int:
        """How much its loss is the mean of: rows, or tokens."""

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        """The mean."""

    def evaluate(self, model: nn.Module) -> Found:
        """Leaves it in evaluation mode."""


def shuffled(rows: int, number: int, seed: int, batch_size: int) -> Sequence[Tensor]:
    """All rows once, in the order of that pass."""
    return torch.randperm(rows, generator=of_pass(number, seed)).split(batch_size)  # type: ignore[no-untyped-call,no-any-return]


def of_pass(number: int, seed: int) -> torch.Generator:
    """For the order of a pass."""
    return torch.Generator().manual_seed(mixed(seed, number))


def mixed(seed: int, number: int) -> int:
    """A seed of its own for each number. Source: SplitMix64's finaliser, Steele et al., 2014."""
    value = (seed + (number + 1) * 0x9E3779B97F4A7C15) % 2**64
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB % 2**64
    return (value ^ (value >> 31)) % 2**63
