from datetime import date
from typing import Any

import polars as pl
import pytest

from serving.core.columns import text_of
from training.errors import InvalidData
from training.tabular.typed import LeftOut, Typed, texts_of, typed

NAN, INF = float("nan"), float("inf")


def read(values: list[Any], is_category: bool = False, most: int = 3) -> Typed:
    found = typed(pl.Series("c", values), is_category, most)
    assert isinstance(found, Typed)
    return found


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, None, -3], [1, None, -3]),
        ([1.5, NAN, 2.0], [1.5, None, 2.0]),
        (["1", " 2.5 ", "", "NA", "1e3"], [1, 2.5, None, None, 1000]),
        ([True, False, None], [1, 0, None]),
        (["True", "false", "?"], [1, 0, None]),
    ],
)
def test_numbers_and_truth_in_whatever_form_are_numbers(values: list[Any], expected: list[float | None]) -> None:
    found = read(values)

    assert found.is_number
    assert found.values.to_list() == expected


def test_infinities_and_what_fp32_cannot_hold_are_missing_and_counted() -> None:
    found = read([1.0, INF, -INF, 1e300, NAN])

    assert (found.values.to_list(), found.infinite) == ([1, None, None, None, None], 3)
    assert read(["1", "inf"]).infinite == 1


def test_minus_zero_is_zero() -> None:
    assert str(read([-0.0, 1.0]).values[0]) == "0.0"


def test_texts_are_texts_without_spaces_around_them() -> None:
    found = read([" red", "blue", "n/a", None, ""])

    assert not found.is_number
    assert found.values.to_list() == ["red", "blue", None, None, None]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([7, 8, None], ["7", "8", None]), ([7.0, 2.5, NAN, INF], ["7", "2.5", None, None]), ([True], ["true"])],
)
def test_numbers_can_be_told_to_be_categories(values: list[Any], expected: list[str | None]) -> None:
    assert read(values, is_category=True).values.to_list() == expected
    assert texts_of(pl.Series(values)).to_list() == expected


@pytest.mark.parametrize(
    "column",
    [
        pl.Series(["3.0", " red", "NA", None, "True", "1e-5", "1e16"]),
        pl.Series([3.0, NAN, 1e-5, 1e16, 0.1]),
        pl.Series([0.1, 1e-5], dtype=pl.Float32),
        pl.Series([None], dtype=pl.String),
    ],
)
def test_a_client_s_value_is_the_one_that_was_learnt(column: pl.Series) -> None:
    """Of 32 bits a client sends the number that JSON writes."""
    texts = texts_of(column).to_list()

    sent = [0.1, 1e-5] if column.dtype == pl.Float32 else column.to_list()
    assert [text_of(value) for value in sent] == texts


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["a", "b", "c", "d"], "has 4 different texts such as 'a', more than data.most_values=3"),
        ([date(2020, 1, 1)], "is neither numbers nor texts, but Date"),
        ([[1], [2]], "is neither numbers nor texts, but List(Int64)"),
        ([None, None], "is empty"),
    ],
)
def test_what_is_neither_is_left_out_with_the_reason(values: list[Any], reason: str) -> None:
    assert typed(pl.Series("c", values), False, 3) == LeftOut("c", reason)


def test_a_few_mistakes_among_numbers_are_told_rather_than_left_out() -> None:
    with pytest.raises(InvalidData) as refused:
        typed(pl.Series("age", [*map(str, range(100)), "none yet"]), False, 64)
    assert str(refused.value) == (
        "column 'age' has numbers and 1 texts that are none, such as 'none yet'; correct them, leave them empty, or "
        "leave the column out: --set data.drop=age"
    )


def test_a_mistake_among_few_rows_of_numbers_is_told_too() -> None:
    with pytest.raises(InvalidData, match=r"column 'c' has numbers and 1 texts that are none, such as 'n\.a\.'"):
        read([*map(str, range(59)), "n.a."], most=64)
    assert read([*map(str, range(12)), "other"] * 5, most=64).values.dtype == pl.String, "few numbers may be names"


def test_decimal_commas_are_told() -> None:
    with pytest.raises(InvalidData, match="column 'c' has decimal commas, such as '1,5'; write points"):
        read(["1,5", "2,5", "3"], most=64)
