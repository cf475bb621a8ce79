"""A one-stage detector: for each cell of a grid, whether the middle of something is there, what, how large and where.

Rule: a picture is made even by its own mean and contrast, so that neither its light nor its paper's shade matters.
Source: CenterNet, Zhou et al., 2019 (arXiv:1904.07850), with a network of a few layers.
"""

import math

from torch import Tensor, nn
from torch.nn.functional import interpolate

STRIDE = 4  # pixels of a cell's side
MULTIPLE = 2 * STRIDE  # of which a picture's sides are
_MIN_STD = 1.0
_SHARE = 0.01  # of cells with something in them, as an untrained network guesses


class Detector(nn.Module):
    """Pixels 0..255 [N, channels, height, width], multiples of 8 -> logits of `classes` [N, classes, h, w] and, in
    cells, each box's place and size [N, 4, h, w]: the middle's offset from the cell's corner, x and y, and the
    logarithms of width and height."""

    def __init__(self, channels: int, width: int, classes: int) -> None:
        super().__init__()
        self.fine = nn.Sequential(_layer(channels, width, 5, 2), _layer(width, width), _layer(width, 2 * width, 3, 2))
        self.even = _layer(2 * width, 2 * width)
        self.coarse = nn.Sequential(_layer(2 * width, 4 * width, 3, 2), _layer(4 * width, 4 * width))
        self.back = nn.Conv2d(4 * width, 2 * width, 1)
        self.joined = _layer(2 * width, 2 * width)
        self.what = nn.Conv2d(2 * width, classes, 1)
        self.where = nn.Conv2d(2 * width, 4, 1)
        nn.init.constant_(self.what.bias, math.log(_SHARE / (1 - _SHARE)))  # type: ignore[arg-type]

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.even(self.fine(_evened(pictures)))
        around = interpolate(self.back(self.coarse(fine)), scale_factor=2.0, mode="nearest")
        features = self.joined(fine + around)
        return self.what(features), self.where(features)


def _layer(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def _evened(pictures: Tensor) -> Tensor:
    middle = pictures.mean(dim=(1, 2, 3), keepdim=True)
    apart = pictures - middle
    return apart / (apart * apart).mean(dim=(1, 2, 3), keepdim=True).sqrt().clamp_min(_MIN_STD)
