"""Where a training run stands.

Rule: `best_weights` are copies, so that the next step can't change what was kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf

from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Optimizer


@dataclass(frozen=True, slots=True)
class Point:
    """After a step, which counts from 1: `train_loss` is the mean of the steps since the point before, per row or
    token; `loss` and `scores` are those on what is held out."""

    step: int
    train_loss: float
    loss: float
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class TrainState:
    """The one mutable thing of a run; owned by the loop until it returns. `pass_number` and `taken` are where in the
    data it stands: so many batches of that pass were taken."""

    model: nn.Module
    optimizers: tuple[Optimizer, ...]
    scaler: GradScaler
    loss_sum: Tensor
    """Of the steps since the last point, a batch's counting as often as it has rows."""
    step: int = 0
    pass_number: int = 0
    taken: int = 0
    weight_sum: float = 0.0
    history: list[Point] = field(default_factory=list)
    best_step: int = 0
    best_loss: float = inf
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<TrainState step {self.step}, best {self.best_step}>"

    def record(self, point: Point) -> bool:
        """Whether it is the best so far; of equally good ones the earliest is."""
        self.history.append(point)
        self.loss_sum.zero_()
        self.weight_sum = 0.0
        if point.loss >= self.best_loss:
            return False
        self.best_step, self.best_loss = point.step, point.loss
        return True
