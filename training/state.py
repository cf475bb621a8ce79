"""Where a training run stands.

Rule: `best_weights` are copies, so that the next epoch can't change what was kept.
"""

from dataclasses import dataclass, field
from math import inf

from torch import Tensor
from torch.optim import Optimizer

from training.models.classifier import Classifier


@dataclass(frozen=True, slots=True)
class EpochMetrics:
    """Mean losses per row; `epoch` counts from 1."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float


@dataclass(slots=True)
class TrainState:
    """The one mutable thing of a run; owned by the loop until it returns it."""

    model: Classifier
    optimizer: Optimizer
    history: list[EpochMetrics] = field(default_factory=list)
    best_epoch: int = 0
    best_validation_loss: float = inf
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        return len(self.history)

    @property
    def best(self) -> EpochMetrics:
        """The epoch whose weights are kept; there is one after the first epoch."""
        return self.history[self.best_epoch - 1]

    def record(self, metrics: EpochMetrics) -> None:
        """Close an epoch; the earliest of equally good ones is kept."""
        self.history.append(metrics)
        if metrics.validation_loss < self.best_validation_loss:
            self.best_epoch = metrics.epoch
            self.best_validation_loss = metrics.validation_loss
            self.best_weights = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}

    def __repr__(self) -> str:
        return f"<TrainState epoch {self.epoch}, best {self.best_epoch}>"
