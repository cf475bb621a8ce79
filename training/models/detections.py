"""What is exported and served of a detector: pictures in, boxes in pixels out.

Rule: fixed shapes, the best first; from the first entry on that is hardly likely, all is 0.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from training.models.detector import STRIDE

OUTPUTS = ("boxes", "scores", "classes")
LEAST_SCORE = 0.01
_STEPS = 1000  # of a score, within which cells are alike; times cells, float32 still counts one by one
_NEIGHBOURS = 3  # cells across; of these only the likeliest counts


class Detections(nn.Module):
    """Pixels 0..255 of any type, [N, channels, height, width] -> `boxes` FP32 [N, K, 4], `scores` FP32 [N, K] and
    `classes` INT64 [N, K]. Always in evaluation mode."""

    def __init__(self, detector: nn.Module, most: int) -> None:
        super().__init__()
        self.detector = detector
        self.most = most
        self.eval()

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        height, width = pictures.shape[-2:]
        logits, places = self.detector(pictures.float())
        scores, classes, cells = _best(logits.sigmoid(), self.most)
        boxes = _boxes(places, cells, height, width)
        found = scores >= LEAST_SCORE
        return boxes * found[..., None], scores * found, classes * found


def _best(likely: Tensor, most: int) -> tuple[Tensor, Tensor, Tensor]:
    """Of cells that are likelier than those around them. Of cells that are alike, as on plain paper, the first counts:
    runtimes that round in other places have to find the same ones."""
    classes, cells = likely.shape[1], likely.shape[-2] * likely.shape[-1]
    places = torch.arange(cells - 1, -1, -1, device=likely.device).reshape(likely.shape[-2:])
    ranks = (likely * _STEPS).floor() * cells + places
    around = max_pool2d(ranks, _NEIGHBOURS, stride=1, padding=_NEIGHBOURS // 2)
    order = torch.arange(classes - 1, -1, -1, device=likely.device)[:, None]
    keys = torch.where((ranks == around).flatten(2), ranks.flatten(2).long() * classes + order, -1)
    best = keys.flatten(1).topk(most, dim=1)
    at = best.indices
    return likely.flatten(1).gather(1, at) * (best.values >= 0), torch.div(at, cells, rounding_mode="floor"), at % cells


def _boxes(places: Tensor, cells: Tensor, height: int, width: int) -> Tensor:
    """Those parts that are in the picture."""
    across = width // STRIDE
    place = places.flatten(2).transpose(1, 2).gather(1, cells[..., None].expand(-1, -1, 4))
    corner = torch.stack([cells % across, torch.div(cells, across, rounding_mode="floor")], dim=-1)
    middles, halves = corner + place[..., :2].clamp(0, 1), place[..., 2:].exp() / 2
    boxes = torch.cat([middles - halves, middles + halves], dim=-1) * STRIDE
    x, y = boxes[..., 0::2].clamp(0, width), boxes[..., 1::2].clamp(0, height)
    return torch.stack([x[..., 0], y[..., 0], x[..., 1], y[..., 1]], dim=-1)
