"""Columns as numbers that a network can be given, and what there is to know of them.

Rule: categories, and whether a column varies or has gaps, come from the rows to train on alone; a value that came up in
other rows only is as unknown as it would be to the server.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from serving.core import columns
from training.data import card
from training.tabular.typed import LeftOut, Typed

_RANGES = 12


@dataclass(frozen=True, slots=True, eq=False)
class Feature:
    """`numbers` float32 [rows], as the server would make them of the row's value. `has_gaps` tells whether one is
    missing in a row to train on."""

    column: columns.Column
    numbers: np.ndarray
    has_gaps: bool


def feature(column: Typed, train: np.ndarray) -> Feature | LeftOut:
    """`train` are the rows to train on."""
    learnt = column.values[train]
    if learnt.drop_nulls().n_unique() + (learnt.null_count() > 0) < 2:
        return LeftOut(column.name, "has the same value in all rows to train on")
    known = columns.number(column.name) if column.is_number else columns.category(column.name, _values(learnt))
    return Feature(known, _numbers(column.values, known), learnt.null_count() > 0)


def described(made: Feature) -> card.Column:
    numbers, missing = made.numbers, int(np.isnan(made.numbers).sum())
    if made.column.values:
        names = [*made.column.values, "unknown"]  # the last one is at -1
        counted = Counter(names[int(place)] for place in numbers[~np.isnan(numbers)])
        return card.Column(made.column.name, columns.CATEGORY, missing, values=dict(counted.most_common()))
    found = {"least": np.nanmin(numbers), "mean": np.nanmean(numbers, dtype=np.float64), "most": np.nanmax(numbers)}
    statistics = {name: float(it) for name, it in found.items()}
    return card.Column(made.column.name, columns.NUMBER, missing, statistics, _ranges(numbers[~np.isnan(numbers)]))


def _ranges(numbers: np.ndarray) -> dict[str, int]:
    """How many are in each of some ranges of the same width."""
    if numbers.min() == numbers.max():
        return {f"{numbers[0]:.9g}": len(numbers)}
    counts, edges = np.histogram(numbers.astype(np.float64), bins=_RANGES)
    digits = next(digits for digits in (4, 9, 17) if len({f"{edge:.{digits}g}" for edge in edges}) == len(edges))
    names = [f"{lower:.{digits}g} to {upper:.{digits}g}" for lower, upper in pairwise(edges)]
    return dict(zip(names, counts.tolist(), strict=True))


def _values(texts: pl.Series) -> list[str]:
    return sorted(texts.drop_nulls().unique().to_list())


def _numbers(values: pl.Series, column: columns.Column) -> np.ndarray:
    if column.values:
        places = dict(column.values)
        values = values.replace_strict(places, default=columns.UNLISTED, return_dtype=pl.Float64).set(
            values.is_null(), None
        )
    return values.cast(pl.Float32).fill_null(columns.MISSING).to_numpy()
