"""A small network of residual layers that says in which direction noise becomes a picture of a class.

Rule: pictures are flat and from -1 to 1 here; the class after the last stands for none in particular, which guidance
compares with.
"""

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

_WAVES = 32  # sines and cosines that tell the time
_FASTEST = 200.0


class PictureFlow(nn.Module):
    """Rectified flow (Liu et al., 2022): at time 0 a picture is noise, at time 1 itself, and in between on the straight
    line from the one to the other; the network gives the mean direction of the lines through a point."""

    def __init__(self, size: int, classes: int, hidden: int, blocks: int, steps: int, guidance: float) -> None:
        """`size` is the number of a picture's values; `steps` and `guidance` are for whoever makes pictures with it."""
        super().__init__()
        self.size, self.classes, self.steps, self.guidance = size, classes, steps, guidance
        self.enter = nn.Linear(size, hidden)
        self.time = nn.Linear(2 * _WAVES, hidden)
        self.label = nn.Embedding(classes + 1, hidden)
        self.blocks = nn.ModuleList(_Block(hidden) for _ in range(blocks))
        self.leave = nn.Linear(hidden, size)
        nn.init.zeros_(self.leave.weight)

    def forward(self, points: Tensor, times: Tensor, labels: Tensor) -> Tensor:
        """[N, size], [N, 1] from 0 to 1, and int64 [N] to directions [N, size]."""
        return self.directions(points, self.told(times, labels))

    def told(self, times: Tensor, labels: Tensor) -> list[Tensor]:
        """What each block makes of [..., 1] and int64 [...], which is not of the points: [..., 3 hidden]."""
        both = nn.functional.silu(self.time(_waves(times)) + self.label(labels))
        return [cast(_Block, block).told(both) for block in self.blocks]

    def directions(self, points: Tensor, told: Sequence[Tensor]) -> Tensor:
        """[N, size] to [..., N, size] where what was told is [..., N, 3 hidden]."""
        values = self.enter(points)
        for block, each in zip(self.blocks, told, strict=True):
            values = block(values, each)
        found: Tensor = self.leave(nn.functional.silu(values))
        return found


class _Block(nn.Module):
    """What it is told of time and class scales and moves its values, and says how much of them counts."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.told = nn.Linear(hidden, 3 * hidden)
        self.layers = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        nn.init.constant_(self.told.bias[:hidden], 1)

    def forward(self, values: Tensor, told: Tensor) -> Tensor:
        scale, shift, gate = told.chunk(3, dim=-1)
        found: Tensor = values + gate * self.layers(self.norm(values) * scale + shift)
        return found


def _waves(times: Tensor) -> Tensor:
    angles = times * torch.exp(torch.linspace(0, math.log(_FASTEST), _WAVES, device=times.device))
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
