"""`golden.npz`: rows that a version was published with and what it answered to them then.

Rule: whoever loads the version can find out, without the training code, whether it still answers the same.
"""

import base64
import io
from dataclasses import dataclass

import numpy as np

from serving.core.closeness import is_inexact, unequal_rows, widened
from serving.core.datatypes import DTYPES
from serving.core.requests import Arrays, format_shape
from serving.errors import ModelLoadFailed

FILENAME = "golden.npz"

_INPUT, _OUTPUT = "input/", "output/"
_BYTES, _BF16 = "@BYTES", "@BF16"
_TOLERANCE = "tolerance"
DEFAULT_TOLERANCE = 1e-3
"""Absolute and relative; what a GPU's or another processor's rounding may change, and a damaged weight exceeds."""


@dataclass(frozen=True, slots=True)
class GoldenRows:
    """By tensor name; arrays have the rows of the others, and BYTES are object arrays of `bytes`."""

    inputs: Arrays
    outputs: Arrays
    tolerance: float = DEFAULT_TOLERANCE

    @property
    def rows(self) -> int:
        return len(next(iter(self.inputs.values())))

    def slice(self, start: int, rows: int) -> "GoldenRows":
        """Views of so many rows, or of fewer at the end."""
        part = slice(start, start + rows)
        return GoldenRows(
            {name: array[part] for name, array in self.inputs.items()},
            {name: array[part] for name, array in self.outputs.items()},
            self.tolerance,
        )


def encode(golden: GoldenRows) -> bytes:
    """numpy's own file of named arrays, which needs no pickle."""
    packed = dict(
        _packed(prefix + name, array)
        for prefix, arrays in ((_INPUT, golden.inputs), (_OUTPUT, golden.outputs))
        for name, array in arrays.items()
    )
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **packed, **{_TOLERANCE: np.array(golden.tolerance)})  # type: ignore[arg-type]
    return buffer.getvalue()


def decode(content: bytes) -> GoldenRows:
    """Raises `ModelLoadFailed` for what `encode` does not write."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        inputs, outputs = _named(arrays, _INPUT), _named(arrays, _OUTPUT)
    except Exception as error:  # numpy, zipfile and zlib raise whatever a damaged file leads them to
        raise ModelLoadFailed(
            f"{FILENAME} is not what serving.core.golden.encode writes ({type(error).__name__})"
        ) from None
    tensors = [*inputs.values(), *outputs.values()]
    rows = {array.shape[:1] for array in tensors}
    if not inputs or not outputs or len(rows) != 1 or rows & {(), (0,)}:
        raise ModelLoadFailed(f"{FILENAME} must hold as many rows of each input/NAME as of each output/NAME")
    tolerance = arrays.get(_TOLERANCE, np.array(DEFAULT_TOLERANCE))
    if tolerance.shape != () or tolerance.dtype.kind not in "fiu" or not 0 <= tolerance < np.inf:
        raise ModelLoadFailed(f"{FILENAME}: '{_TOLERANCE}' must be one number, not negative")
    return GoldenRows(inputs, outputs, float(tolerance))


def difference(golden: GoldenRows, answered: Arrays) -> str:
    """In words, which output differs by more than the tolerance; "" where none does."""
    for name, expected in golden.outputs.items():
        if name not in answered:
            return f"output '{name}' is not there"
        found = answered[name]
        if found.shape != expected.shape:
            return f"output '{name}' has shape {format_shape(found.shape)}, expected {format_shape(expected.shape)}"
        bad = unequal_rows(found, expected, len(expected), golden.tolerance)
        if bad.any():
            return (
                f"output '{name}' differs in {bad.sum()} of {len(bad)} golden rows, first in row {bad.argmax()}"
                f"{_largest(found, expected, golden.tolerance)}"
            )
    return ""


def _packed(key: str, array: np.ndarray) -> tuple[str, np.ndarray]:
    """What numpy's file has no type for goes by another, which the key's end tells."""
    if array.dtype == object:
        texts = np.array([base64.b64encode(text) for text in array.flat], np.bytes_).reshape(array.shape)
        return key + _BYTES, texts
    return (key + _BF16, array.view(np.uint16)) if array.dtype == DTYPES["BF16"] else (key, array)


def _named(arrays: Arrays, prefix: str) -> dict[str, np.ndarray]:
    return dict(_unpacked(key.removeprefix(prefix), array) for key, array in arrays.items() if key.startswith(prefix))


def _unpacked(key: str, array: np.ndarray) -> tuple[str, np.ndarray]:
    if key.endswith(_BYTES):
        texts = np.empty(array.size, np.object_)
        texts[:] = [base64.b64decode(text) for text in array.flat]
        return key.removesuffix(_BYTES), texts.reshape(array.shape)
    if key.endswith(_BF16):
        return key.removesuffix(_BF16), array.view(DTYPES["BF16"])
    return key, array


def _largest(found: np.ndarray, expected: np.ndarray, tolerance: float) -> str:
    if not (is_inexact(expected) and is_inexact(found)):
        return ""
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        differences = np.abs(widened(found) - widened(expected))
    numbers = differences[np.isfinite(differences)]
    by = f"by up to {numbers.max():.3g}, " if numbers.size and numbers.max() > tolerance else "by what is no number, "
    return f" ({by}allowed is {tolerance:g})"
