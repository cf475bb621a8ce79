"""How a detector is trained: pictures in another order at each pass, and the loss of their boxes.

Rule: what is held out is judged by what would be served.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from training.detection.average_precision import average_precision
from training.detection.loss import loss
from training.detection.pictures import DetectionData, Pictures
from training.detection.targets import targets
from training.device import device_of
from training.models.detections import OUTPUTS, Detections
from training.task import shuffled

_ROWS = 256  # at a time


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The mean loss, and how good what would be served is."""

    loss: float
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class DetectionTask:
    first: Callable[[], nn.Module]
    data: DetectionData

    def build(self) -> nn.Module:
        return self.first()

    def order(self, number: int, seed: int, batch_size: int) -> Sequence[Tensor]:
        return shuffled(len(self.data.train), number, seed, batch_size)

    def batch(self, rows: Tensor, device: str) -> Pictures:
        return self.data.train.some(rows, device)

    def weight(self, batch: Pictures) -> int:
        """Boxes, which the loss is the mean of."""
        return max(batch.boxes_there, 1)

    def loss(self, model: nn.Module, batch: Pictures) -> Tensor:
        heat, places = model(batch.pixels.float())
        kinds, height, width = heat.shape[1:]
        wanted = targets(batch.boxes, batch.classes, kinds, height, width)
        return loss(heat.float(), places.float(), wanted)  # sums of thousands of cells, whatever the products are in

    def evaluate(self, model: nn.Module) -> Evaluation:
        model.eval()
        held_out, device = self.data.validation, device_of(model)
        serve, losses, weights, found = Detections(model, self.data.facts["boxes"]), 0.0, 0, []
        with torch.inference_mode():
            for rows in torch.split(torch.arange(len(held_out)), _ROWS):
                batch = held_out.some(rows, device)
                losses += self.loss(model, batch).item() * self.weight(batch)
                weights += self.weight(batch)
                found.append([tensor.cpu().numpy() for tensor in serve(batch.pixels)])
        outputs = {name: np.concatenate(parts) for name, parts in zip(OUTPUTS, zip(*found, strict=True), strict=True)}
        scores = average_precision(outputs, held_out.truths(), len(self.data.facts["labels"]))
        return Evaluation(losses / weights, scores)
