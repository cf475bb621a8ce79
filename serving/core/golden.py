"""`golden.npz`: rows that a version was published with and what it answered to them then.

Rule: whoever loads the version can find out, without the training code, whether it still answers the same.
"""

import io
import zipfile
from dataclasses import dataclass

import numpy as np

from serving.core.requests import Arrays, format_shape
from serving.errors import ModelLoadFailed

FILENAME = "golden.npz"

_INPUT, _OUTPUT = "input/", "output/"
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

    def first(self, rows: int) -> "GoldenRows":
        """Views of the first so many rows."""
        return GoldenRows(
            {name: array[:rows] for name, array in self.inputs.items()},
            {name: array[:rows] for name, array in self.outputs.items()},
            self.tolerance,
        )


def encode(golden: GoldenRows) -> bytes:
    """numpy's own file of named arrays, which needs no pickle."""
    named = {f"{_INPUT}{name}": array for name, array in golden.inputs.items()}
    named |= {f"{_OUTPUT}{name}": array for name, array in golden.outputs.items()}
    packed = {name: array.astype(np.bytes_) if array.dtype == object else array for name, array in named.items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **packed, **{_TOLERANCE: np.array(golden.tolerance)})  # type: ignore[arg-type]
    return buffer.getvalue()


def decode(content: bytes) -> GoldenRows:
    """Raises `ModelLoadFailed` for what `encode` does not write."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ModelLoadFailed(f"{FILENAME} can't be read: {error}") from None
    inputs, outputs = _named(arrays, _INPUT), _named(arrays, _OUTPUT)
    tensors = [*inputs.values(), *outputs.values()]
    if not inputs or not outputs or len({array.shape[:1] for array in tensors}) != 1 or not tensors[0].size:
        raise ModelLoadFailed(f"{FILENAME} must hold as many rows of each input/NAME as of each output/NAME")
    tolerance = arrays.get(_TOLERANCE, np.array(DEFAULT_TOLERANCE))
    if tolerance.shape != () or tolerance.dtype.kind != "f":
        raise ModelLoadFailed(f"{FILENAME}: '{_TOLERANCE}' must be one number")
    return GoldenRows(inputs, outputs, float(tolerance))


def difference(golden: GoldenRows, answered: Arrays) -> str:
    """In words, which output differs by more than the tolerance; "" where none does."""
    for name, expected in golden.outputs.items():
        if name not in answered:
            return f"output '{name}' is not there"
        found = answered[name]
        if found.shape != expected.shape:
            return f"output '{name}' has shape {format_shape(found.shape)}, expected {format_shape(expected.shape)}"
        bad = _bad_rows(found, expected, golden.tolerance)
        if bad.any():
            return (
                f"output '{name}' differs in {bad.sum()} of {len(bad)} golden rows, first in row {bad.argmax()}"
                f"{_largest(found, expected, golden.tolerance)}"
            )
    return ""


def _named(arrays: Arrays, prefix: str) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(prefix): array.astype(object) if array.dtype.kind == "S" else array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def _bad_rows(found: np.ndarray, expected: np.ndarray, tolerance: float) -> np.ndarray:
    if _is_inexact(expected) and _is_inexact(found):
        equal = np.isclose(_wide(found), _wide(expected), rtol=tolerance, atol=tolerance, equal_nan=True)
    else:
        equal = np.asarray(found == expected)
    flat: np.ndarray = ~equal.reshape(len(expected), -1).all(axis=1)
    return flat


def _largest(found: np.ndarray, expected: np.ndarray, tolerance: float) -> str:
    if not (_is_inexact(expected) and _is_inexact(found)):
        return ""
    with np.errstate(invalid="ignore"):  # infinity minus infinity
        largest = np.nanmax(np.abs(_wide(found) - _wide(expected)))
    return f" (by up to {largest:.3g}, allowed is {tolerance:g})"


def _is_inexact(array: np.ndarray) -> bool:
    return array.dtype.kind in "fV"  # V: ml_dtypes' bfloat16


def _wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float64)
