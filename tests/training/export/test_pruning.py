import pytest
import torch
from torch import nn

from training.export.pruning import NothingToPrune, pruned
from training.models.cnn import Cnn
from training.models.mlp import Mlp


def _with_dead_units(model: nn.Sequential, places: tuple[int, ...]) -> nn.Sequential:
    """A quarter of the units of these layers gives nothing, so that nothing is missing without them."""
    for place in places:
        layer = model[place]
        dead = torch.arange(0, len(layer.weight), 4)
        layer.weight.data[dead] = 0
        layer.bias.data[dead] = 0
    return model


def test_units_that_give_nothing_are_not_missed_in_linear_layers() -> None:
    model = Mlp(features=6, hidden=16, classes=3)
    _with_dead_units(model.layers, (0, 2))
    smaller, rows = pruned(model), torch.randn(5, 6)

    assert [tuple(weight.shape) for weight in smaller.parameters()] == [(12, 6), (12,), (6, 12), (6,), (3, 6), (3,)]
    assert torch.allclose(smaller(rows), model(rows), atol=1e-5)


def test_nor_in_convolutions_whose_pixels_are_flattened() -> None:
    model = Cnn(side=8, channels=4, hidden=8, classes=3).eval()
    _with_dead_units(model.layers, (0, 3, 7))
    smaller, images = pruned(model), torch.randn(5, 1, 8, 8)

    assert smaller.layers[0].out_channels == 3  # type: ignore[union-attr,index]
    assert torch.allclose(smaller(images), model(images), atol=1e-5)


def test_the_model_itself_stays_as_it_is() -> None:
    model = Mlp(features=6, hidden=16, classes=3)
    pruned(model)

    assert model.layers[0].out_features == 16


@pytest.mark.parametrize(
    "model",
    [
        nn.Linear(3, 3),
        nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3), nn.Linear(3, 3)),
        nn.Sequential(nn.Conv2d(4, 4, 1, groups=4), nn.ReLU(), nn.Conv2d(4, 4, 1)),
    ],
)
def test_layers_with_weights_between_them_are_left_alone(model: nn.Module) -> None:
    with pytest.raises(NothingToPrune, match="no two layers one after the other"):
        pruned(model)
