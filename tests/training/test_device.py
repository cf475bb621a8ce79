import torch
from torch import nn

from training.device import device_of


def test_a_model_is_where_its_weights_are() -> None:
    assert device_of(nn.Linear(1, 1)) == "cpu"
    assert device_of(nn.Linear(1, 1, device=torch.device("meta"))) == "meta"
    assert device_of(nn.BatchNorm1d(1, affine=False, device=torch.device("meta"))) == "meta"


def test_a_model_without_weights_is_on_the_cpu() -> None:
    assert device_of(nn.Identity()) == "cpu"
