"""Groups of rows that a model is looked at one by one, such as those of a sex or of a range of ages.

Rule: a column of many numbers becomes four ranges of about as many rows to train on; what is missing is a group too.
"""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import polars as pl

from training.errors import InvalidData
from training.tabular.typed import LeftOut, typed

MISSING = "missing"

_FEW = 10  # numbers that are a group each
_MOST = 64


def groups_of(rows: pl.DataFrame, names: Iterable[str], train: np.ndarray) -> dict[str, tuple[str, ...]]:
    """Of each row, by the column's name. Raises `InvalidData` for a column of too many different texts."""
    return {name: tuple(_groups(rows[name], train)) for name in names}


def _groups(column: pl.Series, train: np.ndarray) -> list[str]:
    found = typed(column, False, _MOST)
    if isinstance(found, LeftOut):
        raise InvalidData(f"data.slices: column '{column.name}' {found.reason}; slices are columns of a few values")
    if not found.is_number:
        return found.values.fill_null(MISSING).to_list()
    numbers = found.values.to_numpy()
    if found.values.drop_nulls().n_unique() <= _FEW:
        return [MISSING if np.isnan(number) else f"{number:g}" for number in numbers]
    edges = np.unique(np.nanquantile(numbers[train], [0.25, 0.5, 0.75]))
    names = _ranges([f"{edge:g}" for edge in edges])
    return [MISSING if np.isnan(number) else names[np.searchsorted(edges, number, "right")] for number in numbers]


def _ranges(edges: list[str]) -> list[str]:
    between = [f"{lower} to below {upper}" for lower, upper in pairwise(edges)]
    return [f"below {edges[0]}", *between, f"{edges[-1]} and above"]
