import pytest
import torch

from training.detection.pictures import NOTHING
from training.detection.targets import targets

BOXES = torch.tensor([[[8.0, 0, 16, 20], [20, 20, 28, 32]], [[0, 0, 32, 32], [0, 0, 0, 0]]])
CLASSES = torch.tensor([[1, 0], [1, NOTHING]])


def test_the_cell_of_a_middle_answers_for_it() -> None:
    wanted = targets(BOXES, CLASSES, kinds=2, height=8, width=8)
    assert wanted.cells[wanted.counts].tolist() == [2 * 8 + 3, 6 * 8 + 6, 4 * 8 + 4]
    assert (wanted.heat == 1).nonzero().tolist() == [[0, 0, 6, 6], [0, 1, 2, 3], [1, 1, 4, 4]]
    assert wanted.places[0, 0].tolist() == pytest.approx([0, 0.5, *torch.tensor([2.0, 5]).log().tolist()])


def test_cells_around_a_middle_are_warm_and_the_more_so_the_larger_the_box() -> None:
    heat = targets(BOXES, CLASSES, kinds=2, height=8, width=8).heat
    assert heat[1, 1, 4, 3] == heat[1, 1, 3, 4] > heat[0, 0, 6, 5] > 0
    assert heat[1, 1, 4, 3] < 1
    assert heat[1, 0].max() == 0


def test_two_that_are_near_keep_the_warmer() -> None:
    boxes = torch.tensor([[[0.0, 0, 8, 8], [4, 0, 12, 8]]])
    both = targets(boxes, torch.tensor([[0, 0]]), kinds=1, height=4, width=4).heat
    each = [targets(boxes[:, at : at + 1], torch.tensor([[0]]), kinds=1, height=4, width=4).heat for at in (0, 1)]
    assert torch.equal(both, torch.maximum(*each))


def test_a_box_at_the_edge_or_of_hardly_any_size_has_a_cell_too() -> None:
    wanted = targets(torch.tensor([[[32.0, 32, 32, 32]]]), torch.tensor([[0]]), kinds=1, height=8, width=8)
    assert wanted.cells.tolist() == [[63]]
    assert wanted.places.isfinite().all()


def test_pictures_without_boxes_are_cold() -> None:
    wanted = targets(torch.zeros(2, 0, 4), torch.zeros(2, 0, dtype=torch.int64), kinds=2, height=4, width=4)
    assert (wanted.heat.shape, float(wanted.heat.max())) == ((2, 2, 4, 4), 0)
