"""Raw tensors of the protocol's binary extension: little-endian, row-major; BYTES elements behind a 4-byte length.

Source: Triton's extension_binary_data.md. Rule: numbers are views into the body and copy nothing.
"""

import math
import struct
from collections.abc import Iterator

import numpy as np

from serving.core.datatypes import dtype_of
from serving.core.requests import format_shape
from serving.errors import InvalidInput

_LENGTH = struct.Struct("<I")


def decode_tensor(name: str, datatype: str, shape: tuple[int, ...], data: memoryview) -> np.ndarray:
    """A read-only view of `data`, or for BYTES an object array of `bytes`.

    Raises `InvalidInput` when `data` does not hold exactly what `datatype` and `shape` say.
    """
    if datatype == "BYTES":
        return _decode_elements(name, shape, data)
    dtype = dtype_of(datatype)
    expected = math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise InvalidInput(
            f"input byte size mismatch for input '{name}': {datatype} {format_shape(shape)} takes {expected} bytes, "
            f"got {len(data)}"
        )
    if datatype == "BOOL":  # other bytes than 0 and 1 are true, and no runtime should see them
        return np.frombuffer(data, np.uint8).astype(bool).reshape(shape)
    return np.frombuffer(data, dtype).reshape(shape)


def encode_tensor(array: np.ndarray) -> bytes | memoryview:
    """The array's own memory, or for BYTES a new buffer."""
    if array.dtype == object:
        return b"".join(part for element in array.flat for part in (_LENGTH.pack(len(element)), element))
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _decode_elements(name: str, shape: tuple[int, ...], data: memoryview) -> np.ndarray:
    expected = math.prod(shape)
    if len(data) < expected * _LENGTH.size:  # known before anything is allocated
        raise InvalidInput(
            f"expected {expected} string elements for inference input '{name}', "
            f"got {len(data)} bytes, too few for that many length prefixes"
        )
    elements = list(_elements(name, data))
    if len(elements) != expected:
        raise InvalidInput(f"expected {expected} string elements for inference input '{name}', got {len(elements)}")
    array = np.empty(expected, dtype=object)
    array[:] = elements
    return array.reshape(shape)


def _elements(name: str, data: memoryview) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        if start + _LENGTH.size > len(data):
            raise InvalidInput(
                f"incomplete string length indicator for inference input '{name}', expecting {_LENGTH.size} bytes "
                f"but only {len(data) - start} bytes available"
            )
        (length,) = _LENGTH.unpack_from(data, start)
        start += _LENGTH.size
        if start + length > len(data):
            raise InvalidInput(
                f"incomplete string data for inference input '{name}', expecting string of length {length} "
                f"but only {len(data) - start} bytes available"
            )
        yield bytes(data[start : start + length])
        start += length
