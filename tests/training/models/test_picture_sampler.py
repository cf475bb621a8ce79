from collections.abc import Sequence

import torch
from torch import Tensor

from training.models.picture_flow import PictureFlow
from training.models.picture_sampler import PictureSampler


class Known(PictureFlow):
    """Whose directions are the same everywhere: towards the class's own grey, from the mean of all."""

    def told(self, times: Tensor, labels: Tensor) -> list[Tensor]:
        return [(labels[..., None] - 1) / 10 + 0 * times]

    def directions(self, points: Tensor, told: Sequence[Tensor]) -> Tensor:
        return told[0] + 0 * points


def sampled(label: int, guidance: float, noise: Tensor | None = None) -> Tensor:
    sampler = PictureSampler(Known(4, 2, 8, 1, steps=5, guidance=guidance), (1, 2, 2))
    found: Tensor = sampler(torch.tensor([[label]]), torch.zeros(1, 1, 2, 2) if noise is None else noise)
    return found


def test_all_steps_together_go_the_whole_way() -> None:
    assert torch.allclose(sampled(0, 1), torch.full((1, 1, 2, 2), 127.5 * 0.9))
    assert torch.allclose(sampled(1, 1), torch.full((1, 1, 2, 2), 127.5))


def test_guidance_goes_further_from_what_is_of_any_class() -> None:
    """Any class is at 0.1, class 0 at -0.1: twice as far from the one as the other is."""
    assert torch.allclose(sampled(0, 2), torch.full((1, 1, 2, 2), 127.5 * 0.7))


def test_pixels_stay_within_their_range() -> None:
    noise = torch.tensor([[[[-9.0, 9.0], [0.0, 0.0]]]])
    assert sampled(0, 1, noise).flatten()[:2].tolist() == [0, 255]


def test_rows_are_made_alone() -> None:
    torch.manual_seed(1)
    flow = PictureFlow(4, 2, 8, 1, steps=3, guidance=2)
    torch.nn.init.normal_(flow.leave.weight)
    sampler = PictureSampler(flow, (1, 2, 2))
    labels, noise = torch.tensor([[0], [1], [1]]), torch.randn(3, 1, 2, 2)
    together = sampler(labels, noise)
    assert together.shape == (3, 1, 2, 2)
    for row in range(3):
        assert torch.allclose(together[row], sampler(labels[row : row + 1], noise[row : row + 1])[0], atol=1e-3)
