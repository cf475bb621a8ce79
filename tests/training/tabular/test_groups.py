import numpy as np
import polars as pl
import pytest

from training.errors import InvalidData
from training.tabular.groups import groups_of


def test_groups_are_values_and_what_is_missing() -> None:
    rows = pl.DataFrame({"sex": ["f", "m", None], "children": [0.0, 2.0, None], "age": [1, 2, 3]})

    assert groups_of(rows, ["sex", "children"], np.arange(3)) == {
        "sex": ("f", "m", "missing"),
        "children": ("0", "2", "missing"),
    }


def test_many_numbers_are_four_ranges_of_the_rows_to_train_on() -> None:
    rows = pl.DataFrame({"age": [*range(101), 1000, None]})
    groups = groups_of(rows, ["age"], np.arange(101))["age"]

    assert [groups[row] for row in (0, 24, 25, 50, 75, 101, 102)] == [
        "below 25",
        "below 25",
        "25 to below 50",
        "50 to below 75",
        "75 and above",
        "75 and above",
        "missing",
    ]


def test_a_column_of_many_texts_has_no_groups() -> None:
    rows = pl.DataFrame({"name": [f"x{row}" for row in range(100)]})

    with pytest.raises(InvalidData, match=r"data\.slices: column 'name' has 100 different texts.*a few values"):
        groups_of(rows, ["name"], np.arange(100))
