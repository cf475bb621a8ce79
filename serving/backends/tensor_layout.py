"""Where arrays lie in a piece of memory that two processes share, and how they get there and out again.

Rule: a number lies as it is in numpy, aligned; BYTES are the lengths of all elements, then their contents.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.core.datatypes import datatype_of, dtype_of
from serving.core.requests import Arrays

_ALIGNMENT = 64  # bytes, a cache line
_LENGTH = np.dtype(np.uint64)


@dataclass(frozen=True, slots=True)
class Tensor:
    """`offset` and `size` in bytes."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    offset: int
    size: int

    @property
    def end(self) -> int:
        return self.offset + self.size


@dataclass(frozen=True, slots=True)
class Placed:
    """A tensor and what will lie there: its array, or for BYTES its elements encoded."""

    tensor: Tensor
    content: np.ndarray


def place(arrays: Arrays, start: int = 0) -> list[Placed]:
    """One behind the other, from `start` on."""
    placed, free = [], start
    for name, array in arrays.items():
        datatype = datatype_of(array.dtype)
        content = _encoded(array) if datatype == "BYTES" else array
        offset = -(-free // _ALIGNMENT) * _ALIGNMENT
        placed.append(Placed(Tensor(name, datatype, array.shape, offset, content.nbytes), content))
        free = offset + content.nbytes
    return placed


def end_of(tensors: Iterable[Tensor]) -> int:
    """How many bytes of memory they take, from its beginning."""
    return max((tensor.end for tensor in tensors), default=0)


def write(placed: Iterable[Placed], memory: np.ndarray) -> None:
    """`memory` is bytes, and large enough."""
    for each in placed:
        part = memory[each.tensor.offset : each.tensor.end]
        np.copyto(part.view(each.content.dtype).reshape(each.content.shape), each.content)


def read(tensors: Sequence[Tensor], memory: np.ndarray) -> Arrays:
    """Views of `memory`, which their `base` is; of BYTES new arrays."""
    return {tensor.name: _read(tensor, memory[tensor.offset : tensor.end]) for tensor in tensors}


def to_document(tensors: Iterable[Tensor]) -> list[list[Any]]:
    """As JSON has it."""
    return [[it.name, it.datatype, it.shape, it.offset, it.size] for it in tensors]


def from_document(document: Iterable[Sequence[Any]]) -> tuple[Tensor, ...]:
    return tuple(Tensor(name, datatype, tuple(shape), *place) for name, datatype, shape, *place in document)


def _read(tensor: Tensor, part: np.ndarray) -> np.ndarray:
    if tensor.datatype == "BYTES":
        return _decoded(part, tensor.shape)
    return part.view(dtype_of(tensor.datatype)).reshape(tensor.shape)


def _encoded(array: np.ndarray) -> np.ndarray:
    elements = list(array.flat)
    lengths = np.fromiter(map(len, elements), _LENGTH, len(elements))
    return np.concatenate([lengths.view(np.uint8), np.frombuffer(b"".join(elements), np.uint8)])


def _decoded(part: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    array = np.empty(shape, object)
    lengths, contents = part[: array.size * _LENGTH.itemsize], part[array.size * _LENGTH.itemsize :].tobytes()
    ends = np.cumsum(lengths.view(_LENGTH), dtype=np.int64).tolist()
    array.reshape(-1)[:] = [contents[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    return array
