import torch

from training.models.polarity import Polarity


def _stroke(paper: float, ink: float) -> torch.Tensor:
    image = torch.full((1, 8, 8), paper)
    image[:, 2:6, 3:5] = ink
    return image


def test_light_ink_on_dark_paper_stays() -> None:
    images = _stroke(10.0, 250.0)[None]

    assert torch.equal(Polarity()(images), images)


def test_dark_ink_on_light_paper_is_inverted() -> None:
    assert torch.equal(Polarity()(_stroke(255.0, 0.0)[None]), _stroke(0.0, 255.0)[None])


def test_each_image_of_a_batch_is_judged_by_itself() -> None:
    batch = torch.stack([_stroke(0.0, 255.0), _stroke(255.0, 0.0), _stroke(0.0, 255.0)])

    assert torch.equal(Polarity()(batch), _stroke(0.0, 255.0).expand(3, 1, 8, 8))


def test_paper_of_exactly_middle_grey_stays() -> None:
    images = torch.full((1, 1, 8, 8), 127.5)

    assert torch.equal(Polarity()(images), images)
