"""A task that is learnt in a second: two clouds that a line can part, with a network that has chance in it."""

import torch
from torch import nn

from training.classification.task import ClassifierTask
from training.config import TrainConfig
from training.data.card import Card
from training.data.splits import Split, Splits
from training.models.classifier import Classifier
from training.models.mlp import Mlp
from training.models.standardize import Standardize

CONFIG = TrainConfig(epochs=4, batch_size=8, learning_rate=0.01, seed=3)


def rows(count: int, seed: int) -> Split:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    features = torch.randn(count, 2, generator=generator) + 6 * labels[:, None]
    return Split(features, labels)


CARD = Card("two clouds", 104, {}, {"train": 64, "validation": 20, "test": 20})
SPLITS = Splits(rows(64, 1), rows(20, 2), rows(20, 3), ("left", "right"), CARD)


def task(config: TrainConfig = CONFIG, splits: Splits = SPLITS, dropout: float = 0.1) -> ClassifierTask:
    def build() -> Classifier:
        return Classifier(nn.Dropout(dropout), Standardize((2,)), Mlp(features=2, hidden=8, classes=2))

    return ClassifierTask(build, splits, config)


def equal(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)
