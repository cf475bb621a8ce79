"""How a flow is trained: points on straight lines from noise to pictures, and the directions of those lines.

Rule: what is held out meets the same noise at every look, so that one look can be compared with another.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from training.data.splits import Splits
from training.device import device_of
from training.models.picture_flow import PictureFlow
from training.task import shuffled

_ANY_CLASS = 0.1  # of the rows are not told their class, for guidance
_LOOKS = 4  # at each picture that is held out, each with other noise
_SEED = 1  # of that noise
_ROWS = 256  # looks at once

Batch = tuple[Tensor, Tensor]
"""Pictures as the flow has them, and classes."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The mean square of what the directions are off."""

    loss: float
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PictureTask:
    first: Callable[[], PictureFlow]
    splits: Splits

    def build(self) -> PictureFlow:
        return self.first()

    def order(self, number: int, seed: int, batch_size: int) -> Sequence[Tensor]:
        return shuffled(len(self.splits.train), number, seed, batch_size)

    def batch(self, rows: Tensor, device: str) -> Batch:
        split = self.splits.train
        return flat(split.features[rows]).to(device), split.labels[rows].to(device)

    def weight(self, batch: Batch) -> int:
        return len(batch[1])

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        pictures, labels = batch
        unsaid = torch.rand(len(labels), device=labels.device) < _ANY_CLASS
        told = torch.where(unsaid, len(self.splits.labels), labels)
        times = torch.rand(len(labels), 1, device=labels.device)
        return _off(model, pictures, told, times, torch.randn_like(pictures))

    def evaluate(self, model: nn.Module) -> Evaluation:
        model.eval()
        device = device_of(model)
        split, chance, loss = self.splits.validation, torch.Generator().manual_seed(_SEED), 0.0
        looks = torch.arange(len(split)).repeat(_LOOKS)
        with torch.inference_mode():
            for rows in torch.split(looks, _ROWS):
                pictures, labels = flat(split.features[rows]), split.labels[rows]
                times = torch.rand(len(rows), 1, generator=chance)
                noise = torch.randn(pictures.shape, generator=chance)
                off = _off(model, *(it.to(device) for it in (pictures, labels, times, noise)))
                loss += off.item() * len(rows)
        return Evaluation(loss / len(looks))


def flat(pixels: Tensor) -> Tensor:
    """From 0..255 of any shape to -1..1 [rows, size]."""
    return pixels.flatten(1) / 127.5 - 1


def _off(model: nn.Module, pictures: Tensor, labels: Tensor, times: Tensor, noise: Tensor) -> Tensor:
    points = times * pictures + (1 - times) * noise
    return mse_loss(model(points, times, labels), pictures - noise)
