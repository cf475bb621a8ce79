import torch
from torch import nn

from training.models.mlp import Mlp


def test_rows_become_logits() -> None:
    assert Mlp(features=30, hidden=64, classes=2)(torch.rand(5, 30)).shape == (5, 2)


def test_it_has_three_linear_layers() -> None:
    layers = [layer for layer in Mlp(30, 64, 2).layers if isinstance(layer, nn.Linear)]

    assert [(layer.in_features, layer.out_features) for layer in layers] == [(30, 64), (64, 32), (32, 2)]
