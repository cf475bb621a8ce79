import pytest
import torch

from training.models.resnet import Resnet


@pytest.mark.parametrize(("side", "colours"), [(8, 1), (15, 3), (64, 3)])
def test_pictures_of_any_size_become_logits(side: int, colours: int) -> None:
    assert Resnet(side, colours, width=8, depth=1, classes=3)(torch.rand(5, colours, side, side)).shape == (5, 3)


@pytest.mark.parametrize(("side", "halvings"), [(4, 0), (16, 0), (17, 1), (32, 1), (64, 2)])
def test_larger_pictures_are_halved_first(side: int, halvings: int) -> None:
    assert len(Resnet(side, 1, width=8, depth=1, classes=3).stem) == 1 + halvings


def test_depth_is_of_each_stage() -> None:
    assert len(Resnet(8, 1, width=8, depth=2, classes=3).blocks) == 6


@pytest.mark.parametrize("width", [1, 7, 12, 28])
def test_any_width_can_be_normed(width: int) -> None:
    assert Resnet(8, 1, width, depth=1, classes=2)(torch.rand(2, 1, 8, 8)).shape == (2, 2)


def test_a_picture_is_answered_alike_in_any_company_while_training_too() -> None:
    model, images = Resnet(8, 1, width=8, depth=1, classes=3).train(), torch.rand(4, 1, 8, 8)

    assert torch.allclose(model(images)[:1], model(images[:1]), atol=1e-5)
