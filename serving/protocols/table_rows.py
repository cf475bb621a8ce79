"""Rows of a table by their columns' names, `{"age": 3, "colour": "red"}`, as the numbers that a model takes.

Rule: each row names each of the model's columns and nothing else; null stands for what is missing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from serving.core.brief import brief
from serving.core.columns import MISSING, Column, described, place
from serving.core.did_you_mean import nearest
from serving.errors import InvalidInput

_LARGEST = float(np.finfo(np.float32).max)


def decode(rows: Sequence[Any], columns: Sequence[Column]) -> np.ndarray:
    """FP32 [rows, columns]. Raises `InvalidInput` naming row, column, and what there is."""
    table = np.empty((len(rows), len(columns)), np.float32)
    for at, row in enumerate(rows):
        table[at] = _numbers(f"inputs[{at}]" if len(rows) > 1 else "inputs", row, columns)
    return table


def _numbers(where: str, row: Any, columns: Sequence[Column]) -> list[float]:
    if type(row) is not dict:
        raise InvalidInput(f"{where} must be a row by its columns' names, got {brief(row)}; {_there_are(columns)}")
    if len(row) != len(columns) or not all(column.name in row for column in columns):
        raise InvalidInput(f"{where} {_misfit(row, columns)}")
    return [_number(row[column.name], column, where) for column in columns]


def _misfit(row: Mapping[str, Any], columns: Sequence[Column]) -> str:
    names = dict.fromkeys(column.name for column in columns)
    unknown = next((name for name in row if name not in names), None)
    if unknown is None:
        absent = next(name for name in names if name not in row)
        return f"has no column {brief(absent)}, which is null where it is missing; {_there_are(columns)}"
    found = nearest(unknown, names)
    meant = f"did you mean {brief(found)}?" if found else _there_are(columns)
    return f"has a column {brief(unknown)}, which the model does not have; {meant}"


def _number(value: Any, column: Column, where: str) -> float:
    if value is None:
        return MISSING
    if column.values:
        return _place(value, column, where)
    if type(value) not in (int, float, bool):
        raise InvalidInput(f"{where}[{brief(column.name)}] must be a number, true, false or null, got {brief(value)}")
    if not abs(value) <= _LARGEST:
        raise InvalidInput(
            f"{where}[{brief(column.name)}] must be a finite number of FP32, or null where it is missing, "
            f"got {brief(value)}"
        )
    return float(value)


def _place(value: Any, column: Column, where: str) -> float:
    if type(value) not in (str, bool, int, float):
        raise InvalidInput(
            f"{where}[{brief(column.name)}] must be a text such as {brief(next(iter(column.values)))}, or null, "
            f"got {brief(value)}"
        )
    return place(column, value)


def _there_are(columns: Sequence[Column]) -> str:
    return f"the columns are {described(columns)}"
