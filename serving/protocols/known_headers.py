"""The JSON before binary tensors, remembered: clients that ask again and again send and get the same.

Rule: the same bytes mean the same request, whatever tensors follow; nothing is remembered that names one request.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from serving.core.requests import Arrays, InferRequest, InferResponse
from serving.protocols import v2_json
from serving.protocols.outputs import RequestedOutput, RequestedOutputs

MOST = 1000
"""Headers of either kind; the oldest one goes first."""

LONGEST = 4096  # bytes

_ALL_BINARY = RequestedOutputs(RequestedOutput(is_binary=True))

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Known(Generic[K, V]):
    """A table of bounded size."""

    def __init__(self) -> None:
        self._found: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self._found)

    def get(self, key: K) -> V | None:
        return self._found.get(key)

    def put(self, key: K, value: V) -> None:
        if key not in self._found and len(self._found) >= MOST:
            del self._found[next(iter(self._found))]
        self._found[key] = value


@dataclass(frozen=True, slots=True)
class Place:
    """Where an input lies in the body; `count` in elements."""

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]
    offset: int
    count: int


@dataclass(frozen=True, slots=True)
class Layout:
    """What a body of `size` bytes holds behind a header."""

    tensors: tuple[Place, ...]
    size: int

    def read(self, body: bytes | memoryview) -> Arrays:
        """Views into the body, which has that size and came behind the same header."""
        return {
            tensor.name: np.frombuffer(body, tensor.dtype, tensor.count, tensor.offset).reshape(tensor.shape)
            for tensor in self.tensors
        }


def layout(request: InferRequest, requested: RequestedOutputs, header_length: int, size: int) -> Layout | None:
    """Of the body of `size` bytes that the request was read from.

    None where the header is too long to be kept, names one request, or says of the inputs more than where they lie.
    """
    if header_length > LONGEST or request.id or requested.need_work:
        return None
    tensors = []
    offset = header_length
    for name, array in request.inputs.items():
        if array.dtype.kind in "Ob" or not array.size:  # whose elements are not what the body holds, or that has none
            return None
        tensors.append(Place(name, array.dtype, array.shape, offset, array.size))
        offset += array.nbytes
    return Layout(tuple(tensors), size) if tensors and offset == size else None


class KnownResponses:
    """One for all models; belongs to one thread."""

    def __init__(self, make: Callable[[InferResponse], bytes]) -> None:
        """`make` tells what comes before a response's outputs, by their shapes and not by what they hold."""
        self._make = make
        self._known: Known[Hashable, bytes] = Known()

    def __len__(self) -> int:
        return len(self._known)

    def header(self, response: InferResponse) -> bytes:
        """What comes before the response's outputs."""
        if response.id:
            return self._make(response)
        shapes = [(name, array.dtype, array.shape) for name, array in response.outputs.items()]
        key = (response.model_name, response.model_version, *shapes)
        header = self._known.get(key)
        if header is None:
            header = self._make(response)
            if len(header) <= LONGEST:
                self._known.put(key, header)
        return header


def json_header(response: InferResponse) -> bytes:
    """The JSON before outputs that are all binary."""
    payload, length = v2_json.encode_response(response, _ALL_BINARY)
    return payload[:length]
