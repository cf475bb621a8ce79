"""What a detector should answer to pictures whose boxes are known.

Rule: the cell that a box's middle is in answers for it; cells around it are the less wrong the nearer they are.
Source: CenterNet, Zhou et al., 2019 (arXiv:1904.07850), with spreads in proportion to a box's width and height.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from training.detection.pictures import NOTHING
from training.models.detector import STRIDE

_SPREAD = 0.09  # of a box's side, as a standard deviation
_LEAST_SPREAD = 0.3  # cells
_LEAST_SIDE = 0.01  # cells


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """`heat` [N, classes, h, w], 1 at each middle; of each box [N, M]: whether it `counts`, its `cell`, counted along
    the rows, and its `place` [N, M, 4], as `Detector` gives it."""

    heat: Tensor
    counts: Tensor
    cells: Tensor
    places: Tensor


def targets(boxes: Tensor, classes: Tensor, kinds: int, height: int, width: int) -> Targets:
    """`boxes` [N, M, 4] in pixels, `classes` [N, M]; the grid has `height` x `width` cells."""
    counts = classes != NOTHING
    grid = boxes.new_tensor([width, height])
    corners = boxes / STRIDE
    middles = (corners[..., :2] + corners[..., 2:]) / 2
    sides = (corners[..., 2:] - corners[..., :2]).clamp_min(_LEAST_SIDE)
    cell = middles.floor().clamp_min(0).minimum(grid - 1)
    heat = _heat(cell, sides, classes.clamp_min(0), counts, kinds, height, width)
    places = torch.cat([middles - cell, sides.log()], dim=-1)
    return Targets(heat, counts, (cell[..., 1] * width + cell[..., 0]).long(), places)


def _heat(cell: Tensor, sides: Tensor, classes: Tensor, counts: Tensor, kinds: int, height: int, width: int) -> Tensor:
    spread = (sides * _SPREAD).clamp_min(_LEAST_SPREAD)
    across = _bell(torch.arange(width, device=cell.device), cell[..., 0], spread[..., 0])
    down = _bell(torch.arange(height, device=cell.device), cell[..., 1], spread[..., 1])
    hills = down[..., :, None] * across[..., None, :] * counts[..., None, None]
    empty = hills.new_zeros(len(cell), kinds, height, width)
    return empty.scatter_reduce(1, classes[..., None, None].expand_as(hills), hills, "amax")


def _bell(cells: Tensor, middles: Tensor, spreads: Tensor) -> Tensor:
    """[N, M, cells]"""
    return torch.exp(-(((cells - middles[..., None]) / spreads[..., None]) ** 2) / 2)
