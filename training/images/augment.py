"""Pictures changed a little, at each pass in another way, so that a model learns what does not matter.

Rule: all chance is torch's own generator's, on the CPU, so that the same step changes pictures in the same way whatever
came before, and wherever it is computed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from training.config import check
from training.errors import InvalidConfig
from training.settings import Value

_WHITE = 255.0
_SIDED = ("left", "right")


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How much at most; 0 is nothing. Raises `InvalidConfig`."""

    shift: float = 0.0
    """To any side, as a share of the picture's."""
    rotate: float = 0.0
    """Degrees, either way."""
    brightness: float = 0.0
    """Share by which pixels become lighter or darker."""
    noise: float = 0.0
    """Standard deviation, as a share of white."""
    flip: bool = False
    """Every other picture, left to right."""

    def __post_init__(self) -> None:
        check("data.shift", self.shift, 0 <= self.shift <= 0.5, "from 0 to 0.5 of the side")
        check("data.rotate", self.rotate, 0 <= self.rotate <= 180, "from 0 to 180 degrees")
        check("data.brightness", self.brightness, 0 <= self.brightness < 1, "from 0 to below 1")
        check("data.noise", self.noise, 0 <= self.noise < 1, "from 0 to below 1")

    @classmethod
    def of(cls, options: Mapping[str, Value]) -> "Augmentation":
        return cls(**{it.name: options[it.name] for it in fields(cls) if it.name in options})  # type: ignore[arg-type]

    def check_labels(self, labels: tuple[str, ...]) -> None:
        """Raises `InvalidConfig` where a flipped picture is another label's, or none's."""
        written = [it for it in labels if len(it) == 1 or any(side in it.lower() for side in _SIDED)]
        if self.flip and written:
            raise InvalidConfig(f"data.flip turns pictures of '{written[0]}' into something else; leave it off")


def augmented(images: Tensor, how: Augmentation) -> Tensor:
    """[N, channels, H, W] 0..255 -> the same; on the device of the images."""
    if how.flip or how.shift or how.rotate:
        images = _moved(images, how)
    if how.brightness:
        images = images * (1 + how.brightness * _either_way(len(images), 1, 1, 1).to(images.device))
    if how.noise:
        images = images + how.noise * _WHITE * torch.randn(images.shape).to(images.device)
    return images.clamp(0, _WHITE)


def _moved(images: Tensor, how: Augmentation) -> Tensor:
    """What comes into the picture from outside is as its edge."""
    rows = len(images)
    angles = math.radians(how.rotate) * _either_way(rows)
    flipped = torch.where(torch.rand(rows) < 0.5, -1.0, 1.0) if how.flip else torch.ones(rows)
    shifts = 2 * how.shift * _either_way(rows, 2)  # a side is 2 long there
    cos, sin = angles.cos(), angles.sin()
    turned = torch.stack([cos * flipped, -sin, sin * flipped, cos], dim=1).reshape(rows, 2, 2)
    moves = torch.cat([turned, shifts[:, :, None]], dim=2).to(images.device)
    grid = affine_grid(moves, list(images.shape), align_corners=False)
    return grid_sample(images, grid, padding_mode="border", align_corners=False)


def _either_way(*shape: int) -> Tensor:
    """From -1 to 1."""
    return 2 * torch.rand(shape) - 1
