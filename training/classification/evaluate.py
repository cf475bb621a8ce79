"""How well a model does on rows it was not trained on."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from training.data.splits import Split, numbers
from training.device import device_of

_ROWS, _VALUES = 1024, 2**22  # at a time; large pictures are too many values before that


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Mean loss per row, and `confusion[actual][predicted]` in rows."""

    loss: float
    confusion: tuple[tuple[int, ...], ...]

    @property
    def scores(self) -> Mapping[str, float]:
        return {"accuracy": self.accuracy}

    @property
    def rows(self) -> int:
        return sum(map(sum, self.confusion))

    @property
    def accuracy(self) -> float:
        return sum(row[label] for label, row in enumerate(self.confusion)) / self.rows


def evaluate(model: nn.Module, split: Split) -> Evaluation:
    """`model` gives logits [N, classes]; it is left in evaluation mode."""
    model.eval()
    device = device_of(model)
    count = max(1, min(_ROWS, _VALUES // split.features[0].numel()))
    with torch.inference_mode():
        logits = torch.cat([model(numbers(rows.to(device))).cpu() for rows in torch.split(split.features, count)])
        loss = cross_entropy(logits, split.labels).item()
    classes = logits.shape[1]
    cells = split.labels * classes + logits.argmax(dim=1)
    counts = torch.bincount(cells, minlength=classes**2).reshape(classes, classes)
    return Evaluation(loss, tuple(tuple(row) for row in counts.tolist()))
