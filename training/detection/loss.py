"""How wrong a detector's answer is. Rule: a sum over all boxes of a batch, divided by how many they are.

Source: CenterNet, Zhou et al., 2019 (arXiv:1904.07850).
"""

from torch import Tensor
from torch.nn.functional import l1_loss, logsigmoid

from training.detection.targets import Targets

_EASY = 2  # power that makes little of what is nearly right
_NEAR = 4  # power that makes little of cells near a middle
_OF_PLACES = 0.5


def loss(heat: Tensor, places: Tensor, wanted: Targets) -> Tensor:
    """`heat` are logits [N, classes, h, w], `places` [N, 4, h, w]."""
    boxes = wanted.counts.sum().clamp_min(1)
    return (_of_heat(heat, wanted.heat) + _OF_PLACES * _of_places(places, wanted)) / boxes


def _of_heat(logits: Tensor, wanted: Tensor) -> Tensor:
    likely = logits.sigmoid()
    middles = wanted == 1
    missed = (1 - likely) ** _EASY * logsigmoid(logits)
    imagined = (1 - wanted) ** _NEAR * likely**_EASY * logsigmoid(-logits)
    return -(missed * middles + imagined * ~middles).sum()


def _of_places(places: Tensor, wanted: Targets) -> Tensor:
    at = wanted.cells[..., None].expand(-1, -1, 4)
    found = places.flatten(2).transpose(1, 2).gather(1, at)
    return l1_loss(found[wanted.counts], wanted.places[wanted.counts], reduction="sum")
