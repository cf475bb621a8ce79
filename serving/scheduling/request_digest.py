"""What a model is asked, as a few bytes: equal for requests that have the same answer, different for all others.

Rule: every part goes in behind its length or its shape, so that no two requests are the same row of bytes.
"""

import hashlib
from collections.abc import Iterator

import numpy as np

from serving.core.datatypes import datatype_of
from serving.core.requests import Arrays, Parameters

_FEW = 1024  # elements of BYTES, whose lengths are added up at once
_PER_ELEMENT = 256  # bytes, what one of many is taken for: its length is not looked at


def request_digest(inputs: Arrays, parameters: Parameters, secret: bytes) -> bytes:
    """Names, datatypes, shapes and values of `inputs` in any order, and `parameters` with their types.

    Without the `secret`, up to 64 bytes, nobody can make two requests with one digest.
    """
    digest = hashlib.blake2b(key=secret, digest_size=32)
    digest.update(b"%d inputs" % len(inputs))
    for name in sorted(inputs):
        array = inputs[name]
        digest.update(_framed(name))
        digest.update(_framed(f"{datatype_of(array.dtype)} {array.shape}"))
        for part in _text(array) if array.dtype == object else _numbers(array):
            digest.update(part)
    for name in sorted(parameters):
        value = parameters[name]
        digest.update(_framed(name))
        digest.update(_framed(f"{type(value).__name__} {value!r}"))
    return digest.digest()


def bytes_to_read(arrays: Arrays) -> int:
    """About how many, found out quickly."""
    return sum(_text_bytes(array) if array.dtype == object else array.nbytes for array in arrays.values())


def _framed(text: str) -> bytes:
    encoded = text.encode(errors="surrogatepass")
    return len(encoded).to_bytes(8, "little") + encoded


def _numbers(array: np.ndarray) -> Iterator[memoryview]:
    yield np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _text(array: np.ndarray) -> Iterator[bytes]:
    elements = array.ravel().tolist()
    yield np.fromiter(map(len, elements), "<i8", len(elements)).tobytes()
    yield b"".join(elements)


def _text_bytes(array: np.ndarray) -> int:
    if array.size > _FEW:
        return array.size * _PER_ELEMENT
    return array.nbytes + sum(map(len, array.flat))
