"""How a classifier of texts is trained: on texts of like length together, of which some words are missing each time.

Rule: what fills a row up is never read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training import losses
from training.classification.evaluate import Evaluation, evaluate
from training.config import TrainConfig
from training.data.splits import Splits
from training.errors import InvalidConfig
from training.models.encoder import NOTHING
from training.task import of_pass

Batch = tuple[Tensor, Tensor]
"""Tokens and labels."""

_SORTED = 8  # batches whose texts are put in order of length


@dataclass(frozen=True, slots=True)
class TextTask:
    """`word_dropout` is the share of tokens that a step does not see. Raises `InvalidConfig`."""

    first: Callable[[], nn.Module]
    splits: Splits
    config: TrainConfig
    word_dropout: float

    def __post_init__(self) -> None:
        if not 0 <= self.word_dropout < 1:
            raise InvalidConfig(f"model.word_dropout must be from 0 to below 1, got {self.word_dropout}")

    def build(self) -> nn.Module:
        return self.first()

    def order(self, number: int, seed: int, batch_size: int) -> Sequence[Tensor]:
        generator, lengths = of_pass(number, seed), _lengths(self.splits.train.features)
        rows = torch.randperm(len(lengths), generator=generator)
        parts = [part[lengths[part].argsort()] for part in torch.split(rows, batch_size * _SORTED)]
        batches = [batch for part in parts for batch in torch.split(part, batch_size)]
        return [batches[place] for place in torch.randperm(len(batches), generator=generator)]

    def batch(self, rows: Tensor, device: str) -> Batch:
        split = self.splits.train
        tokens = split.features[rows]
        tokens = tokens[:, : int(_lengths(tokens).max())]
        seen = torch.rand(tokens.shape) >= self.word_dropout
        seen[:, 0] = True  # which the answer is made of
        return torch.where(seen, tokens, NOTHING).to(device), split.labels[rows].to(device)

    def weight(self, batch: Batch) -> int:
        return len(batch[1])

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        tokens, labels = batch
        return losses.classes(model(tokens), labels, self.config)

    def evaluate(self, model: nn.Module) -> Evaluation:
        return evaluate(model, self.splits.validation)


def _lengths(tokens: Tensor) -> Tensor:
    return (tokens != NOTHING).sum(dim=1)
