"""A tensor as a JSON list.

Rule: the shape is authoritative and nesting is only flattened, as in Triton; element types are checked exactly, but
never in a Python loop over elements.
"""

import math
from itertools import chain
from typing import Any

import numpy as np

from serving.core.datatypes import datatype_of, dtype_of, integer_range
from serving.core.requests import format_shape
from serving.errors import InvalidInput
from serving.protocols import json_text

_Kinds = tuple[str, set[type]]
_INTEGERS: _Kinds = ("an integer", {int})
_NUMBERS: _Kinds = ("a number", {int, float})
_ELEMENTS: dict[str, _Kinds] = {
    "b": ("true or false", {bool}),
    "i": _INTEGERS,
    "u": _INTEGERS,
    "f": _NUMBERS,
    "O": ("a string", {str}),
}
_BINARY_ONLY = {"FP16", "BF16"}
_JSON_NAMES = {bool: "a boolean", int: "an integer", float: "a number", str: "a string", dict: "an object"}


def decode(name: str, datatype: str, shape: tuple[int, ...], data: Any) -> np.ndarray:
    """Raises `InvalidInput` for elements of another type, out of range, or of another count than `shape` has."""
    dtype = dtype_of(datatype)
    if datatype in _BINARY_ONLY:
        raise InvalidInput(
            f"receiving {datatype} data via JSON is not supported. Please use the binary data format for input {name}"
        )
    elements = flatten(name, data, math.prod(max(dim, 1) for dim in shape))
    if len(elements) != math.prod(shape):
        raise InvalidInput(
            f"Unable to parse 'data' of input '{name}': Shape does not match true shape of 'data' field: "
            f"{format_shape(shape)} takes {math.prod(shape)} elements, got {len(elements)}"
        )
    _check_types(name, datatype, elements, *_ELEMENTS[dtype.kind])
    if datatype == "BYTES":
        return _text(elements).reshape(shape)
    try:
        with np.errstate(over="ignore"):  # 1e300 is an infinity in FP32
            return np.array(elements, dtype).reshape(shape)
    except OverflowError as error:
        reason = integer_range(dtype) or f"as {datatype}: {error}"
        raise InvalidInput(f"Unable to parse 'data' of input '{name}': {reason}") from None


def encode(name: str, array: np.ndarray) -> Any:
    """A flat list, or the flat array where the JSON library writes that faster.

    Raises `InvalidInput` for what JSON can't hold.
    """
    if (datatype := datatype_of(array.dtype)) in _BINARY_ONLY:
        raise InvalidInput(
            f"sending {datatype} data via JSON is not supported. Please use the binary data format for output "
            f"'{name}': set its parameter 'binary_data' to true"
        )
    if array.dtype != object:
        flat = np.ascontiguousarray(array).reshape(-1)
        return flat if array.dtype.kind != "f" or np.isfinite(flat).all() else json_text.with_literals(flat)
    try:
        return [element.decode() for element in array.flat]
    except UnicodeDecodeError:
        raise InvalidInput(f"output '{name}' holds bytes that are not UTF-8; ask for it as binary data") from None


def flatten(name: str, data: Any, limit: int) -> list[Any]:
    """The elements of lists in lists; every list of one level must hold lists only, or elements only.

    Raises `InvalidInput`, also for more than `limit` items at one level, so that nothing is unpacked in vain.
    """
    if type(data) is not list:
        raise InvalidInput(f"Unable to parse 'data' of input '{name}': expected a list, got {_json_name(type(data))}")
    elements: list[Any] = data
    while len(elements) <= limit and list in (kinds := set(map(type, elements))):
        if len(kinds) > 1:
            raise InvalidInput(f"Unable to parse 'data' of input '{name}': lists and elements are mixed at one level")
        elements = list(chain.from_iterable(elements))
    if len(elements) > limit:
        raise InvalidInput(
            f"Unable to parse 'data' of input '{name}': Shape does not match true shape of 'data' field: "
            f"it takes {limit} elements, got at least {len(elements)}"
        )
    return elements


def _check_types(name: str, datatype: str, elements: list[Any], expected: str, allowed: set[type]) -> None:
    for kind in set(map(type, elements)) - allowed:
        raise InvalidInput(
            f"Unable to parse 'data' of input '{name}': {datatype} takes {expected}, got {_json_name(kind)}"
        )


def _text(elements: list[str]) -> np.ndarray:
    array = np.empty(len(elements), dtype=object)
    array[:] = [element.encode() for element in elements]
    return array


def _json_name(kind: type) -> str:
    return _JSON_NAMES.get(kind, "null" if kind is type(None) else "a list")
