import torch
from torch import Tensor

from training.detection.loss import loss
from training.detection.pictures import NOTHING
from training.detection.targets import Targets, targets

BOXES, CLASSES = torch.tensor([[[8.0, 8, 16, 16], [0, 0, 0, 0]]]), torch.tensor([[1, NOTHING]])


def wanted(boxes: Tensor = BOXES, classes: Tensor = CLASSES) -> Targets:
    return targets(boxes, classes, kinds=2, height=8, width=8)


def right(known: Targets) -> tuple[Tensor, Tensor]:
    """An answer that is sure of every middle, and knows its place."""
    heat = torch.where(known.heat == 1, 12.0, -12.0)
    places = torch.zeros(len(heat), 4, 8 * 8).scatter(2, known.cells[:, None].expand(-1, 4, -1), known.places.mT)
    return heat, places.reshape(-1, 4, 8, 8)


def test_the_right_answer_costs_next_to_nothing() -> None:
    assert loss(*right(wanted()), wanted()) < 1e-4


def test_what_is_missed_imagined_or_misplaced_costs() -> None:
    heat, places = right(wanted())
    cold, elsewhere = torch.full_like(heat, -12.0), heat.clone()
    elsewhere[0, 0, 0, 0] = 12.0
    near = heat.clone()
    near[0, 1, 3, 4] = 12.0
    assert loss(cold, places, wanted()) > 5
    assert loss(elsewhere, places, wanted()) > 5
    assert loss(heat, places + 1, wanted()) > 1
    assert loss(near, places, wanted()) < loss(elsewhere, places, wanted())


def test_it_is_the_same_for_twice_the_pictures() -> None:
    known = wanted(BOXES.repeat(2, 1, 1), CLASSES.repeat(2, 1))
    heat, places = right(wanted())
    twice = loss(heat.repeat(2, 1, 1, 1) * 0.1, places.repeat(2, 1, 1, 1) + 1, known)
    assert torch.allclose(twice, loss(heat * 0.1, places + 1, wanted()))


def test_pictures_without_boxes_cost_what_is_imagined() -> None:
    nothing = wanted(torch.zeros(1, 0, 4), torch.zeros(1, 0, dtype=torch.int64))
    warm = loss(torch.zeros(1, 2, 8, 8), torch.zeros(1, 4, 8, 8), nothing)
    assert warm > loss(torch.full((1, 2, 8, 8), -5.0), torch.zeros(1, 4, 8, 8), nothing) > 0
