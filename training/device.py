"""Where a model is. Rule: the CPU for one without weights."""

from itertools import chain

from torch import nn


def device_of(model: nn.Module) -> str:
    weight = next(chain(model.parameters(), model.buffers()), None)
    return "cpu" if weight is None else str(weight.device)
