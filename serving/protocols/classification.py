"""Triton's classification extension: an output's largest values, as text with their indices and labels.

Source: extension_classification.md and server/src/classification.cc.
"""

from collections.abc import Sequence

import numpy as np

from serving.core.datatypes import datatype_of
from serving.errors import InvalidInput

MAX_ELEMENTS = 1_000_000


def classes(name: str, array: np.ndarray, count: int, labels: Sequence[str], has_batch: bool) -> np.ndarray:
    """`"<value>:<index>"` or `"<value>:<index>:<label>"` as BYTES, largest first.

    Shape `[rows, k]` where the model batches, else `[k]`; k is `count`, or the number of classes if that is smaller.
    Raises `InvalidInput` for outputs that are not numbers or too large.
    """
    if array.dtype.kind not in "iuf" or array.dtype == np.float16:
        raise InvalidInput(
            f"class result not available for output '{name}' due to unsupported type '{datatype_of(array.dtype)}'"
        )
    if array.size > MAX_ELEMENTS:
        raise InvalidInput(f"classification output tensor too large: '{name}' has {array.size} elements")
    rows = array.reshape(len(array) if has_batch and array.ndim else 1, -1) if array.size else array.reshape(0, 0)
    order = np.argsort(rows, axis=1, kind="stable")[:, ::-1][:, :count]
    text = np.empty(order.shape, dtype=object)
    for row, indices in enumerate(order):
        text[row] = [_text(rows[row, index], int(index), labels) for index in indices]
    return text if has_batch else text.reshape(-1)


def _text(value: np.generic, index: int, labels: Sequence[str]) -> bytes:
    number = f"{value:.6f}" if value.dtype.kind == "f" else str(value)
    return f"{number}:{index}:{labels[index]}".encode() if index < len(labels) else f"{number}:{index}".encode()
