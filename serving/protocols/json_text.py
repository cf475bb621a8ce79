"""JSON text to Python values and back, with the NaN and Infinity literals that Triton reads and writes.

Rule: the fast library first; the standard one only for what the fast one refuses.
"""

import gc
import json
from itertools import chain
from typing import Any

import numpy as np
import orjson

from serving.errors import InvalidInput

_LARGE = 256 * 1024  # bytes
_MOST = {b"{": 100_000, b"[": 2_000_000}
"""Objects and lists in a large text. Each takes a hundred times the memory of its two bytes, and time in which no other
thread runs; no request has so many, but those that want to be many."""

_LOOKED_AT = 1024 * 1024  # bytes at once
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PREFIX = "failed to parse the request JSON buffer"


def loads(text: bytes | memoryview) -> Any:
    """Raises `InvalidInput` saying where the text stops being JSON; what it returns can be written again."""
    return _loads(text) if len(text) < _LARGE else _without_collections(text)


def _without_collections(text: bytes | memoryview) -> Any:
    """JSON holds no cycles: looking for them while millions of objects are made takes most of the time (Python 3.11),
    in which no other thread runs."""
    _check_width(text)
    if not gc.isenabled():
        return _loads(text)
    gc.disable()
    try:
        return _loads(text)
    finally:
        gc.enable()


def _check_width(text: bytes | memoryview) -> None:
    """Counts those in strings too, which keeps it short; it runs without the interpreter's lock."""
    for bracket, most in _MOST.items():
        pieces = (np.frombuffer(text[at : at + _LOOKED_AT], np.uint8) for at in range(0, len(text), _LOOKED_AT))
        found = sum(int(np.count_nonzero(piece == ord(bracket))) for piece in pieces)
        if found > most:
            raise InvalidInput(f"{_PREFIX}: it has {found} times '{bracket.decode()}', at most {most} are read")


def _loads(text: bytes | memoryview) -> Any:
    if text[:3] == _BYTE_ORDER_MARK:
        text = text[3:]
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        reason = str(error)  # and not the error itself, which has all of the text
    if not any(literal in bytes(text) for literal in (b"NaN", b"Infinity")):
        raise InvalidInput(f"{_PREFIX}: {reason}")
    return _loads_with_literals(bytes(text))


def _loads_with_literals(text: bytes) -> Any:
    try:
        document = json.loads(text)
        if b"\\u" in text:
            orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS)  # halves of surrogate pairs are no text
    except RecursionError:
        raise InvalidInput(f"{_PREFIX}: it is nested too deeply") from None
    except (ValueError, TypeError) as error:  # also text that is not UTF-8, and numbers of thousands of digits
        raise InvalidInput(f"{_PREFIX}: {error}") from None
    return document


def dumps(document: Any) -> bytes:
    """Compact JSON; numpy arrays become lists."""
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)


def with_literals(array: np.ndarray) -> orjson.Fragment:
    """A flat array of floats, some of them not finite, as a part of a document.

    The fast library writes null for each of those, and nothing else of a number has that word in it.
    """
    parts = dumps(array).split(b"null")
    literals = [_literal(value) for value in array[~np.isfinite(array)]]
    return orjson.Fragment(b"".join(chain.from_iterable(zip(parts, [*literals, b""], strict=True))))


def literal(value: np.floating) -> orjson.Fragment:
    """NaN or an infinity as a part of a document."""
    return orjson.Fragment(_literal(value))


def _literal(value: np.floating) -> bytes:
    if np.isnan(value):
        return b"NaN"
    return b"Infinity" if value > 0 else b"-Infinity"
