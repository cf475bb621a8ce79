import json
from typing import Any

import pytest

from serving.core import columns
from serving.core.columns import category, number
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
