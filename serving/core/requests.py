"""What the engine is asked and what it answers, whichever protocol carried it.

Rule: nothing here knows JSON, gRPC or HTTP; tensors are numpy arrays whose dtype says their datatype.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

Arrays = Mapping[str, np.ndarray]

Parameter = bool | int | float | str
Parameters = Mapping[str, Parameter]
NO_PARAMETERS: Parameters = MappingProxyType({})
NO_LABELS: Mapping[str, tuple[str, ...]] = MappingProxyType({})


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
    """What a caller asks of a model.

    `model_version` "" means the newest; no `output_names` means all; `timeout` is in seconds, 0 for none; `priority` 1
    is the highest, 0 the model's default. `sequence_id`, Triton's correlation id, is 0 or "" outside a sequence.
    `parameters` are the caller's own, for models that read them. `is_lone`: nobody else asks now, as far as its
    transport can tell.
    """

    model_name: str
    inputs: Arrays
    model_version: str = ""
    id: str = ""
    output_names: tuple[str, ...] = ()
    timeout: float = 0.0
    priority: int = 0
    sequence_id: int | str = 0
    sequence_start: bool = False
    sequence_end: bool = False
    parameters: Parameters = field(default_factory=lambda: NO_PARAMETERS)
    is_lone: bool = False

    def within(self, seconds: float | None, is_lone: bool = False) -> "InferRequest":
        """The same, to be answered in so many seconds from now, where that is less than its own timeout."""
        if seconds is None or (self.timeout and self.timeout <= seconds):
            return replace(self, is_lone=True) if is_lone else self
        return replace(self, timeout=max(seconds, 1e-9), is_lone=is_lone)


@dataclass(slots=True)  # one for each answer, and not frozen, which would take three times as long to make
class InferResponse:
    """Always names the version that really ran, and has its `labels` by output. A request's last one is `final`; that
    of a decoupled model, which answers 0 to n times, may be empty."""

    model_name: str
    model_version: str
    outputs: Arrays
    id: str = ""
    final: bool = True
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NO_LABELS)


def format_shape(shape: tuple[int, ...]) -> str:
    """`[-1,16]`: without spaces, as Triton writes it and its clients' tests read it."""
    return f"[{','.join(map(str, shape))}]"
