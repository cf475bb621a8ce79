"""A row of numbers as a person would write it, by its columns' names.

Rule: the server makes the same numbers of it again.
"""

import json
import math
from collections.abc import Iterable

import numpy as np

from serving.core.columns import UNLISTED, Column
from training.kind import Example

_UNKNOWN = "something else"


def drawn(row: np.ndarray, columns: Iterable[Column]) -> Example:
    """`row` [columns] as `{"inputs": {"age": 3, "colour": "red"}}`."""
    values = {column.name: _value(value, column) for column, value in zip(columns, row.tolist(), strict=True)}
    return Example("example.json", json.dumps({"inputs": values}, indent=2, ensure_ascii=False).encode() + b"\n")


def _value(number: float, column: Column) -> float | str | None:
    if math.isnan(number):
        return None
    if column.values:
        return _UNKNOWN if number == UNLISTED else list(column.values)[int(number)]
    written = float(f"{number:.7g}")  # what float32 holds, without its binary tail
    return int(written) if written.is_integer() else written
