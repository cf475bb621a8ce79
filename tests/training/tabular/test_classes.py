from typing import Any

import polars as pl
import pytest

from training.errors import InvalidData
from training.tabular.classes import class_texts, classes_of


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["b", "a "], ("a", "b")),
        ([10, 9], ("9", "10")),
        (["10", "9", "-1"], ("-1", "9", "10")),
        ([1.0, 0.0], ("0", "1")),
        ([True, False], ("false", "true")),
        (["1", "1.0", "0"], ("0", "1")),
        (["--3", "2"], ("--3", "2")),
    ],
)
def test_classes_are_texts_in_their_order(values: list[Any], labels: tuple[str, ...]) -> None:
    found = classes_of(class_texts(pl.Series("c", values * 5)), "x.csv")

    assert found.labels == labels
    assert [found.labels[target] for target in found.targets] == class_texts(pl.Series(values * 5)).to_list()


def test_a_column_may_have_an_order_of_its_own() -> None:
    assert classes_of(pl.Series(["a", "b"] * 5), "x.csv", ["c", "b", "a"]).labels == ("b", "a")


def test_an_empty_text_and_nan_are_no_class() -> None:
    assert class_texts(pl.Series(["a", " ", None, "NA"])).to_list() == ["a", None, None, None]
    assert class_texts(pl.Series([1.0, float("nan")])).to_list() == ["1", None]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([0.5, 1.0], "column 'c' holds numbers such as 0.5, not classes; --set data.target=NAME says which column"),
        ([[1]], r"column 'c' must hold classes as texts or numbers, not List(Int64); --set data.target=NAME"),
        ([], "x.csv has nothing in column 'c'; a classifier needs at least two classes"),
        (["a"] * 9, "x.csv has only 'a' in column 'c'; a classifier needs at least two classes"),
        (
            ["a"] * 9 + ["b"] * 2,
            "x.csv has 2 usable rows of class 'b', at least 5 are needed; add some or take these rows",
        ),
        (list(range(100)), "column 'c' of x.csv has 100 different values in 100 rows, too many to be classes; --set"),
    ],
)
def test_what_are_no_classes_is_told(values: list[Any], told: str) -> None:
    with pytest.raises(InvalidData) as refused:
        classes_of(class_texts(pl.Series("c", values)), "x.csv")
    assert told in str(refused.value)
