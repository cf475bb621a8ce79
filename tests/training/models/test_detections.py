import torch
from torch import Tensor, nn

from training.detection.targets import targets
from training.models.detections import LEAST_SCORE, Detections


class Sees(nn.Module):
    """Answers what it was told, for any picture."""

    def __init__(self, likely: Tensor, places: Tensor) -> None:
        super().__init__()
        self.heat, self.places = likely.logit(), places

    def forward(self, _: Tensor) -> tuple[Tensor, Tensor]:
        return self.heat, self.places


PICTURE = torch.zeros(1, 1, 32, 32)


def test_boxes_that_a_detector_should_answer_come_out_as_they_were() -> None:
    boxes = torch.tensor([[[8.0, 1, 16, 20], [20, 20, 27, 32], [3, 22, 9, 31]]])
    classes = torch.tensor([[1, 0, 2]])
    wanted = targets(boxes, classes, kinds=3, height=8, width=8)
    places = torch.zeros(1, 4, 64).scatter(2, wanted.cells[:, None].expand(-1, 4, -1), wanted.places.mT)
    likely = wanted.heat * torch.tensor([0.5, 0.9, 0.7])[:, None, None] + 1e-4
    found, scores, kinds = Detections(Sees(likely, places.reshape(1, 4, 8, 8)), most=5)(PICTURE)
    assert kinds[0, :3].tolist() == [1, 2, 0]
    torch.testing.assert_close(scores[0, :3], torch.tensor([0.9, 0.7, 0.5]) + 1e-4)
    torch.testing.assert_close(found[0, :3], boxes[0, [0, 2, 1]])


def test_of_neighbours_the_likeliest_counts_and_what_is_unlikely_is_nothing() -> None:
    likely = torch.full((1, 2, 8, 8), LEAST_SCORE / 2)
    likely[0, 0, 3, 3], likely[0, 0, 3, 4], likely[0, 1, 4, 4] = 0.9, 0.8, 0.7
    boxes, scores, kinds = Detections(Sees(likely, torch.zeros(1, 4, 8, 8)), most=6)(PICTURE)
    torch.testing.assert_close(scores, torch.tensor([[0.9, 0.7, 0, 0, 0, 0]]))
    assert kinds.tolist() == [[0, 1, 0, 0, 0, 0]]
    assert boxes[0, 2:].abs().max() == 0
    assert boxes[0, :2].tolist() == [[10, 10, 14, 14], [14, 14, 18, 18]]


def test_boxes_end_where_the_picture_does_and_always_have_an_area() -> None:
    likely = torch.full((1, 1, 8, 8), 1e-4)
    likely[0, 0, 0, 0], likely[0, 0, 7, 7] = 0.9, 0.8
    far = torch.tensor([9.0, 9, 0, 200]).reshape(1, 4, 1, 1).expand(1, 4, 8, 8)
    boxes, _, _ = Detections(Sees(likely, far), most=2)(PICTURE)
    assert boxes.tolist() == [[[2, 0, 6, 32], [30, 0, 32, 32]]]


def test_of_cells_that_are_alike_the_first_counts_however_they_are_rounded() -> None:
    """As on plain paper, where runtimes differ in the last bit."""
    likely = torch.full((1, 2, 8, 8), 0.1234)
    likely[0, 0, 2:5, 2:5] = 0.4567
    rounded = likely * (1 + 1e-6 * torch.randn(likely.shape, generator=torch.Generator().manual_seed(1)))
    places = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    answers = [Detections(Sees(each, places), most=20)(PICTURE) for each in (likely, rounded)]

    for one, other in zip(*answers, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=0)
    assert (answers[0][1] > 0).sum() == 3, "one for each part that is alike"
