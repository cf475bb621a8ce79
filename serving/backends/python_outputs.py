"""What a Python model returned, as arrays of the datatypes and shapes that its config promises.

Rule: nothing is rounded, cut or guessed; what does not fit is a `BackendFailed` that names the output. Every array is
a copy: a model may fill the same buffer again while the last answer is still on its way.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from serving.core.datatypes import dtype_of
from serving.core.requests import Arrays, TensorSpec, format_shape
from serving.errors import BackendFailed

_MADE_ANEW = (list, tuple, bool, int, float, str, bytes)  # what no array can share its memory with
_KINDS = {"b": "booleans", "i": "integers", "u": "integers", "f": "floats"}


def to_arrays(returned: Any, specs: Mapping[str, TensorSpec], all_of_them: bool = True) -> Arrays:
    """In the config's order. With `all_of_them` false, outputs may be left out."""
    if not isinstance(returned, Mapping):
        what = "nothing" if returned is None else f"a {type(returned).__name__}"
        raise BackendFailed(f"it returned {what}, not a dict of outputs")
    for name in returned:
        if name not in specs:
            raise BackendFailed(f"it returned an output {name!r}, which its config does not list")
    if all_of_them:
        for name in specs:
            if name not in returned:
                raise BackendFailed(f"it returned no output '{name}', which its config lists")
    return {name: _to_array(returned[name], spec) for name, spec in specs.items() if name in returned}


def _to_array(value: Any, spec: TensorSpec) -> np.ndarray:
    try:
        array = np.asarray(value, object if spec.datatype == "BYTES" else None)
        if not isinstance(value, _MADE_ANEW):
            array = array.copy()
    except BaseException as error:  # lists of uneven lengths; a tensor that is elsewhere; anything with an __array__
        raise BackendFailed(f"output '{spec.name}' can't be made an array: {error}") from None
    if not isinstance(value, np.ndarray) and array.size == 0:  # an empty list has no type of its own
        array = array.astype(dtype_of(spec.datatype))
    array = _to_bytes(array, spec) if spec.datatype == "BYTES" else _cast(array, spec)
    _check_shape(array, spec)
    return array


def _cast(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Between widths of the same kind: floats may lose digits, integers must fit."""
    dtype = dtype_of(spec.datatype)
    if array.dtype == dtype:
        return array
    kind = _kind(dtype)
    if _kind(array.dtype) != kind:
        raise BackendFailed(f"output '{spec.name}' is of dtype {array.dtype}, its config says {spec.datatype}")
    if kind == "integers" and array.size:
        for extreme in (int(array.min()), int(array.max())):
            if not np.iinfo(dtype).min <= extreme <= np.iinfo(dtype).max:
                raise BackendFailed(f"output '{spec.name}' holds {extreme}, which {spec.datatype} can't")
    with np.errstate(over="ignore"):  # 1e300 is an infinity in FP32
        return array.astype(dtype)


def _kind(dtype: np.dtype) -> str | None:
    return "floats" if dtype == dtype_of("BF16") else _KINDS.get(dtype.kind)  # numpy itself has no such float


def _to_bytes(array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    converted = np.empty(array.size, dtype=object)
    converted[:] = list(_as_bytes(array.flat, spec))
    return converted.reshape(array.shape)


def _as_bytes(elements: Iterable[Any], spec: TensorSpec) -> Iterable[bytes]:
    for element in elements:
        if isinstance(element, bytes):
            yield bytes(element)
        elif isinstance(element, str):
            try:
                yield element.encode()
            except UnicodeEncodeError as error:
                raise BackendFailed(f"output '{spec.name}' holds a text that is not Unicode: {error}") from None
        else:
            raise BackendFailed(f"output '{spec.name}' holds a {type(element).__name__}, BYTES are bytes or str")


def _check_shape(array: np.ndarray, spec: TensorSpec) -> None:
    fits = len(array.shape) == len(spec.shape) and all(
        expected in (-1, found) for expected, found in zip(spec.shape, array.shape, strict=True)
    )
    if not fits:
        raise BackendFailed(
            f"output '{spec.name}' has shape {format_shape(array.shape)}, the configuration (with its batch dimension, "
            f"if max_batch_size is set) {format_shape(spec.shape)}"
        )
