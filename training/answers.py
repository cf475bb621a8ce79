"""What PyTorch answers for the rows that a client would send. Rule: by the names of the served tensors."""

import numpy as np
import torch
from torch import Tensor

from serving.core.requests import Arrays
from training.kind import Served

_ROWS = 256  # at a time


def answers(served: Served, inputs: Arrays) -> dict[str, np.ndarray]:
    """The outputs by name, in the order of the rows. The module is on the CPU."""
    tensors = [torch.from_numpy(inputs[spec.name]) for spec in served.inputs]
    with torch.inference_mode():
        parts = [
            _tuple(served.module(*part)) for part in zip(*(torch.split(each, _ROWS) for each in tensors), strict=True)
        ]
    found = [torch.cat(column).numpy() for column in zip(*parts, strict=True)]
    return {spec.name: array for spec, array in zip(served.outputs, found, strict=True)}


def _tuple(returned: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (returned,) if isinstance(returned, Tensor) else returned
