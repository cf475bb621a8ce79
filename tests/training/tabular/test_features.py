from dataclasses import replace

import numpy as np
import polars as pl

from serving.core.columns import category, number
from training.data import card
from training.tabular.features import Feature, described, feature
from training.tabular.typed import LeftOut, Typed

TRAIN = np.array([0, 1, 2])


def made(values: list[float | None] | list[str | None]) -> Feature | LeftOut:
    dtype = pl.String if any(isinstance(value, str) for value in values) else pl.Float32
    return feature(Typed(pl.Series("c", values, dtype=dtype)), TRAIN)


def test_numbers_are_themselves_and_nan_where_missing() -> None:
    found = made([1.0, 2.0, 2.0, None])

    assert isinstance(found, Feature)
    assert (found.column, found.has_gaps, found.numbers.dtype) == (number("c"), False, np.float32)
    np.testing.assert_array_equal(found.numbers, [1, 2, 2, np.nan])
    told = described(found)
    assert replace(told, values={}) == card.Column("c", "number", 1, {"least": 1, "mean": 5 / 3, "most": 2})
    assert {name: count for name, count in told.values.items() if count} == {"1 to 1.083": 1, "1.917 to 2": 2}


def test_ranges_of_numbers_that_hardly_differ_are_told_apart() -> None:
    found = made([1700000000.0, 1700000256.0, 1700000512.0, 1700001024.0])

    assert isinstance(found, Feature)
    assert sum(described(found).values.values()) == 4

    alike = made([1e30, None, 1e30, 1e30])
    assert isinstance(alike, Feature)
    assert list(described(alike).values.values()) == [3]


def test_a_category_s_values_are_those_to_train_on() -> None:
    found = made(["red", "blue", None, "red", "green"])

    assert isinstance(found, Feature)
    assert (found.column, found.has_gaps) == (category("c", ["blue", "red"]), True)
    np.testing.assert_array_equal(found.numbers, [1, 0, np.nan, 1, -1])
    assert described(found) == card.Column("c", "category", 1, values={"red": 2, "blue": 1, "unknown": 1})


def test_what_never_varies_in_training_is_left_out() -> None:
    assert made([1.0, 1.0, 1.0, 2.0]) == LeftOut("c", "has the same value in all rows to train on")
    assert isinstance(made([None, None, None, 2.0]), LeftOut)
    assert isinstance(made([1.0, None, 1.0]), Feature)
