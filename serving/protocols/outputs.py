"""How a caller wants each output: as JSON or binary data, as the best classes, or in its shared memory.

Rule: the same for every protocol that carries tensors.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from serving.core.datatypes import dtype_of
from serving.core.requests import InferResponse, format_shape
from serving.errors import InvalidInput
from serving.protocols.classification import classes
from serving.protocols.v2_binary import decode_tensor, encode_tensor


class Window(Protocol):
    """A part of a caller's shared memory. Both may take long, and may raise `InvalidInput`."""

    def read(self) -> memoryview: ...

    def write(self, data: bytes | memoryview, what: str) -> None:
        """`what` names the data in errors."""


OpenWindow = Callable[[str, int, int], Window]
"""A region's name, an offset and a size, both in bytes. Raises `InvalidInput` where there is no such memory."""


@dataclass(frozen=True, slots=True)
class RequestedOutput:
    """`classification` is how many classes are wanted, 0 for the tensor itself."""

    is_binary: bool = False
    classification: int = 0
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class RequestedOutputs:
    """`default` is for outputs that the caller did not list."""

    default: RequestedOutput = RequestedOutput()
    listed: Mapping[str, RequestedOutput] = field(default_factory=dict)

    def of(self, name: str) -> RequestedOutput:
        return self.listed.get(name, self.default)

    @property
    def are_binary(self) -> bool:
        """All that the caller wants."""
        return all(output.is_binary for output in self.listed.values()) if self.listed else self.default.is_binary

    @property
    def need_work(self) -> bool:
        """Whether `placed` has anything to do."""
        return any(output.classification or output.window for output in self.listed.values())


def decode_window(
    name: str, datatype: str, shape: tuple[int, ...], region: tuple[str, int, int], open_window: OpenWindow
) -> np.ndarray:
    """An input from shared memory; its size is compared with its shape before anything is read."""
    window = open_window(*region)
    expected = math.prod(shape) * dtype_of(datatype).itemsize
    if datatype != "BYTES" and region[2] != expected:
        raise InvalidInput(
            f"input byte size mismatch for input '{name}': {datatype} {format_shape(shape)} takes {expected} bytes, "
            f"'shared_memory_byte_size' is {region[2]}"
        )
    return decode_tensor(name, datatype, shape, window.read())


def placed(response: InferResponse, requested: RequestedOutputs, has_batch: bool) -> InferResponse:
    """Outputs that are wanted as classes become those; outputs that go into shared memory are written there.

    Raises `InvalidInput` for an output that has no classes or does not fit its memory.
    """
    outputs = dict(response.outputs)
    for name, output in requested.listed.items():
        if name not in outputs:  # one response of a decoupled model need not have all
            continue
        if output.classification:
            outputs[name] = classes(
                name, outputs[name], output.classification, response.labels.get(name, ()), has_batch
            )
        if output.window is not None:
            output.window.write(encode_tensor(outputs[name]), f"output '{name}'")
    return InferResponse(response.model_name, response.model_version, outputs, response.id, response.final)


def check(name: str, output: RequestedOutput) -> RequestedOutput:
    """Raises `InvalidInput` for what can't be had together."""
    if output.window is not None and output.classification:
        raise InvalidInput(f"Output can't set both 'shared_memory_region' and 'classification': output '{name}'")
    if output.window is not None and output.is_binary:
        raise InvalidInput(f"Output can't set both 'shared_memory_region' and 'binary_data': output '{name}'")
    return output
