"""Networks without the units that do least.

Rule: units are taken out, not set to zero, so that less is computed; what comes after a layer loses the same inputs.
Source: filters by their L1 norm, Li et al., 2017 (arXiv:1608.08710).
"""

import copy
from collections.abc import Iterator, Sequence
from itertools import pairwise

from torch import Tensor, nn

from training.errors import TrainingError

SHARE = 0.25  # of a layer's units
_WITHOUT_WEIGHTS = (nn.ReLU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.MaxPool2d, nn.AvgPool2d, nn.Dropout, nn.Flatten)


class NothingToPrune(TrainingError):
    """The network has no layers one after the other."""


def pruned(module: nn.Module, share: float = SHARE) -> nn.Module:
    """A copy with that share of the units of each layer gone whose successor in an `nn.Sequential` is known. Raises
    `NothingToPrune`."""
    smaller = copy.deepcopy(module)
    found = [pair for part in smaller.modules() if isinstance(part, nn.Sequential) for pair in _neighbours(part)]
    if not found:
        raise NothingToPrune("it has no two layers one after the other, with nothing between that has weights")
    for first, second in found:
        _prune(first, second, share)
    return smaller


def _neighbours(chain: nn.Sequential) -> Iterator[tuple[nn.Module, nn.Module]]:
    runs: list[list[nn.Module]] = [[]]
    for layer in chain:
        if isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.groups == 1):
            runs[-1].append(layer)
        elif not isinstance(layer, _WITHOUT_WEIGHTS):
            runs.append([])
    for run in runs:
        yield from pairwise(run)


def _prune(first: nn.Module, second: nn.Module, share: float) -> None:
    weight = _weight(first)
    units = len(weight)
    norms = weight.flatten(1).abs().sum(1)
    kept = norms.argsort(descending=True)[: max(1, round(units * (1 - share)))].sort().values
    _replace(first, weight[kept], kept)
    following = _weight(second)
    each = following.shape[1] // units  # inputs of a unit: pixels where it was flattened
    columns = following.reshape(len(following), units, each, *following.shape[2:])[:, kept].flatten(1, 2)
    _replace(second, columns, None)


def _weight(layer: nn.Module) -> Tensor:
    assert isinstance(layer.weight, Tensor)
    return layer.weight.detach()


def _replace(layer: nn.Module, weight: Tensor, units: Tensor | None) -> None:
    """`units` are those that are left, None for all."""
    layer.weight = nn.Parameter(weight.clone(), requires_grad=False)
    if units is not None and isinstance(layer.bias, Tensor):
        layer.bias = nn.Parameter(layer.bias.detach()[units].clone(), requires_grad=False)
    names: Sequence[str] = (
        ("in_features", "out_features")
        if isinstance(layer, nn.Linear)
        else (
            "in_channels",
            "out_channels",
        )
    )
    for name, size in zip(names, (weight.shape[1], weight.shape[0]), strict=True):
        setattr(layer, name, size)
