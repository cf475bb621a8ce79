from typing import Any

import numpy as np
import pytest

from serving.core.columns import category, number
from serving.errors import InvalidInput
from serving.protocols import table_rows

COLUMNS = (number("age"), category("colour", ["red", "blue"]), category("size", ["1", "2.5", "true"]))
ROW = {"age": 3, "colour": "red", "size": "1"}


def numbers(**values: Any) -> list[float]:
    array = table_rows.decode([ROW | values], COLUMNS)
    assert (array.dtype, array.shape) == (np.float32, (1, 3))
    return array[0].tolist()


def test_a_row_is_a_number_for_each_column_in_the_model_s_order() -> None:
    assert numbers() == [3, 0, 0]
    assert table_rows.decode([dict(reversed(ROW.items())), ROW | {"colour": "blue"}], COLUMNS).tolist() == [
        [3, 0, 0],
        [3, 1, 0],
    ]


def test_null_is_missing_and_what_is_not_listed_is_minus_one() -> None:
    assert np.isnan(numbers(age=None, colour=None)[:2]).all()
    assert numbers(colour="green")[1] == -1
    assert numbers(colour=" red")[1] == 0
    assert np.isnan([numbers(colour=value)[1] for value in ("", "NA", "?")]).all()


@pytest.mark.parametrize(
    ("value", "place"), [(1, 0), (1.0, 0), ("1", 0), ("1.0", 0), (2.5, 1), (True, 2), (False, -1), (7, -1)]
)
def test_a_category_s_values_may_be_what_they_are_in_tables(value: Any, place: float) -> None:
    assert numbers(size=value)[2] == place


def test_truth_is_a_number_too() -> None:
    assert [numbers(age=value)[0] for value in (True, False, -0.5)] == [1, 0, -0.5]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            3,
            "inputs must be a row by its columns' names, got 3; the columns are age (number), colour (red, blue), size",
        ),
        ({"colour": "red", "size": "1"}, "inputs has no column 'age', which is null where it is missing; the columns"),
        (
            {"Agee": 3, "colour": "red", "size": "1"},
            "inputs has a column 'Agee', which the model does not have; did you",
        ),
        (ROW | {"zzz": 1}, "which the model does not have; the columns are age (number), colour (red, blue), size"),
        (ROW | {"age": "3"}, "inputs['age'] must be a number, true, false or null, got '3'"),
        (
            ROW | {"age": float("nan")},
            "inputs['age'] must be a finite number of FP32, or null where it is missing, got n",
        ),
        (ROW | {"age": 1e300}, "inputs['age'] must be a finite number of FP32"),
        (ROW | {"age": 10**400}, "inputs['age'] must be a finite number of FP32"),
        (ROW | {"colour": ["red"]}, "inputs['colour'] must be a text such as 'red', or null, got a list of 1"),
    ],
)
def test_what_is_wrong_is_named(row: Any, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        table_rows.decode([row], COLUMNS)
    assert told in str(refused.value)


def test_of_several_rows_the_wrong_one_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"inputs\[1\]\['age'\] must be a number"):
        table_rows.decode([ROW, ROW | {"age": "x"}], COLUMNS)
