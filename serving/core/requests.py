"""What the engine is asked and what it answers, whichever protocol carried it.

Rule: nothing here knows JSON, gRPC or HTTP; tensors are numpy arrays whose dtype says their datatype.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A tensor's name, protocol datatype and full shape; -1 stands for a dimension of any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.datatype} {format_shape(self.shape)}"


@dataclass(frozen=True, slots=True)
class InferRequest:
    """`model_version` "" means the newest; no `output_names` means all; `timeout` is in seconds, 0 for none."""

    model_name: str
    inputs: Arrays
    model_version: str = ""
    id: str = ""
    output_names: tuple[str, ...] = ()
    timeout: float = 0.0


@dataclass(frozen=True, slots=True)
class InferResponse:
    """Always names the version that really ran."""

    model_name: str
    model_version: str
    outputs: Arrays
    id: str = ""


def format_shape(shape: tuple[int, ...]) -> str:
    """`[-1,16]`: without spaces, as Triton writes it and its clients' tests read it."""
    return f"[{','.join(map(str, shape))}]"
