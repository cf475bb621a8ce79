import json
import math
from typing import Any

import pytest

from serving.core import columns
from serving.core.columns import MISSING, category, number, place, text_of
from serving.errors import ModelLoadFailed

TABLE = (number("mean radius"), category("colour", ["red", "blue"]))


def test_what_is_written_is_read_and_says_what_each_column_is() -> None:
    content = columns.encode(TABLE)

    assert columns.decode(content) == TABLE
    assert json.loads(content) == {
        "columns": [
            {"name": "mean radius", "kind": "number"},
            {"name": "colour", "kind": "category", "values": ["red", "blue"]},
        ]
    }
    assert dict(TABLE[1].values) == {"red": 0, "blue": 1}


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([3, 3.0, "3", "3.0", " 3. "], "3"),
        ([1e-5, "1e-5", "0.00001", "1E-05"], "1e-05"),
        ([1e16, 10**16, "1e16", "10000000000000000.0"], "10000000000000000"),
        ([0, -0.0, "-0", "-0.0"], "0"),
        ([True, "true", "True "], "true"),
        (["red", " red", "red\t"], "red"),
        (["007"], "007"),
        (["1e999"], "1e999"),
        (["9" * 5000], "9" * 5000),
        ([None, math.nan, math.inf, "", " ", "NA", "n/a", "NaN", "null", "?"], None),
    ],
)
def test_what_means_the_same_is_one_text(values: list[Any], text: str | None) -> None:
    assert {text_of(value) for value in values} == {text}


def test_a_value_s_place_is_that_of_one_written_like_it_or_of_one_that_means_the_same() -> None:
    column = category("n", ["3", "3.0", "True", "NA"])

    assert [place(column, value) for value in ("3", "3.0", 3.0, "3.00", True, "True", "NA")] == [0, 1, 0, 0, 2, 2, 3]
    assert place(column, "4") == -1
    assert place(column, "") is MISSING


def test_columns_are_described_in_few_words() -> None:
    assert columns.described(TABLE) == "mean radius (number), colour (red, blue)"
    assert columns.described([category("n", "abcdefg")]) == "n (a, b, c, d, e, ...)"
    assert columns.described([number("x")] * 43).endswith("x (number) and 3 more")


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (b"{", "columns.json is no JSON"),
        (b"[" * 100_000, "columns.json is no JSON"),
        ([], 'must be an object such as {"columns": [{"name": "age", "kind": "number"}]}'),
        ({"columns": []}, "must be an object such as"),
        ({"columns": ["age"]}, "columns[0] must be an object, got 'age'"),
        ({"columns": [{"kind": "number"}]}, "columns[0].name must be a text, got None"),
        ({"columns": [{"name": "a", "kind": "date"}]}, "columns[0].kind must be 'number' or 'category', got 'date'"),
        ({"columns": [{"name": "a", "kind": []}]}, "columns[0].kind must be 'number' or 'category', got a list of 0"),
        ({"columns": [{"name": "a", "kind": "category"}]}, "columns[0].values must be a list of texts, got None"),
        (
            {"columns": [{"name": "a", "kind": "category", "values": [1]}]},
            "columns[0].values must be a list of texts, got a list of 1",
        ),
        (
            {"columns": [{"name": "a", "kind": "category", "values": ["x", "x"]}]},
            "columns[0].values holds a text more than once",
        ),
        ({"columns": [{"name": "a", "kind": "number"}] * 2}, "names column 'a' more than once"),
    ],
)
def test_what_is_wrong_is_named(document: Any, told: str) -> None:
    with pytest.raises(ModelLoadFailed) as refused:
        columns.decode(document if type(document) is bytes else json.dumps(document).encode())
    assert told in str(refused.value)
