"""Pictures with boxes around what is in them, of one size, as tensors.

Rule: boxes are x_min, y_min, x_max, y_max in the picture's pixels; a box that is only there to fill up has class -1.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.data.card import Card
from training.data.fingerprint import fingerprint

NOTHING = -1


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """`pixels` uint8 [N, channels, side, side], `boxes` float32 [N, M, 4], `classes` int64 [N, M]."""

    pixels: Tensor
    boxes: Tensor
    classes: Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def boxes_there(self) -> int:
        return int((self.classes != NOTHING).sum())

    def some(self, rows: Tensor, device: str) -> "Pictures":
        return Pictures(*(tensor[rows].to(device) for tensor in (self.pixels, self.boxes, self.classes)))

    def truths(self) -> dict[str, np.ndarray]:
        return {"boxes": self.boxes.numpy(), "classes": self.classes.numpy()}


@dataclass(frozen=True, slots=True, eq=False)
class DetectionData:
    """`facts` are those of `Options`."""

    train: Pictures
    validation: Pictures
    test: Pictures
    facts: Mapping[str, Any]
    card: Card

    def fingerprint(self) -> str:
        return fingerprint(tensor.numpy() for tensor in self._tensors())

    def _tensors(self) -> Iterator[Tensor]:
        for pictures in (self.train, self.validation, self.test):
            yield from (pictures.pixels, pictures.boxes, pictures.classes)


@dataclass(frozen=True, slots=True)
class Annotated:
    """One picture: `pixels` uint8 [channels, side, side], `boxes` [n, 4], `classes` [n]."""

    pixels: np.ndarray
    boxes: np.ndarray
    classes: np.ndarray


def stacked(pictures: Sequence[Annotated], channels: int, side: int) -> Pictures:
    """All have as many boxes as the one with most, filled up."""
    most = max((len(each.classes) for each in pictures), default=0)
    pixels = np.zeros((len(pictures), channels, side, side), np.uint8)
    boxes = np.zeros((len(pictures), most, 4), np.float32)
    classes = np.full((len(pictures), most), NOTHING, np.int64)
    for row, each in enumerate(pictures):
        count = len(each.classes)
        pixels[row], boxes[row, :count], classes[row, :count] = each.pixels, each.boxes, each.classes
    return Pictures(torch.from_numpy(pixels), torch.from_numpy(boxes), torch.from_numpy(classes))


def counts(pictures: Pictures, labels: Sequence[str]) -> dict[str, int]:
    """Objects of each label, those of none included."""
    found = pictures.classes[pictures.classes != NOTHING]
    return dict(zip(labels, torch.bincount(found, minlength=len(labels)).tolist(), strict=True))
