"""How a classifier is trained: rows in another order at each pass, and the loss of classes that the config asks for."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from training import losses
from training.classification.evaluate import Evaluation, evaluate
from training.config import TrainConfig
from training.data.splits import Splits, numbers
from training.models.classifier import Classifier
from training.task import shuffled

Batch = tuple[Tensor, Tensor]
"""Features and labels."""

_TELLING = 10_000  # rows, whose means and deviations are taken for those of all


@dataclass(frozen=True, slots=True)
class ClassifierTask:
    first: Callable[[], Classifier]
    splits: Splits
    config: TrainConfig
    changed: Callable[[Tensor], Tensor] = lambda rows: rows
    """What becomes of a batch's features on the way to the model, while training only."""

    def build(self) -> nn.Module:
        model, rows = self.first(), self.splits.train.features
        model.fit_inputs(numbers(rows[:: math.ceil(len(rows) / _TELLING)]))
        return model

    def order(self, number: int, seed: int, batch_size: int) -> Sequence[Tensor]:
        return shuffled(len(self.splits.train), number, seed, batch_size)

    def batch(self, rows: Tensor, device: str) -> Batch:
        split = self.splits.train
        return self.changed(numbers(split.features[rows].to(device))), split.labels[rows].to(device)

    def weight(self, batch: Batch) -> int:
        return len(batch[1])

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        features, labels = batch
        return losses.classes(model(features), labels, self.config)

    def evaluate(self, model: nn.Module) -> Evaluation:
        return evaluate(model, self.splits.validation)
