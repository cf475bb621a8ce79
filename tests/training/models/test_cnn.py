import pytest
import torch
from torch import nn

from training.models.cnn import Cnn


@pytest.mark.parametrize(("side", "colours"), [(8, 1), (28, 1), (30, 3)])
def test_images_become_logits(side: int, colours: int) -> None:
    model = Cnn(side, channels=4, hidden=8, classes=3, colours=colours)

    assert model(torch.rand(5, colours, side, side)).shape == (5, 3)


def test_it_has_two_convolutions_and_two_linear_layers() -> None:
    layers = list(Cnn(side=8, channels=16, hidden=64, classes=10).layers)

    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    assert [(layer.in_channels, layer.out_channels) for layer in convolutions] == [(1, 16), (16, 32)]
    assert sum(isinstance(layer, nn.Linear) for layer in layers) == 2
