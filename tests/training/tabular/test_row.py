import json

import numpy as np

from serving.core.columns import category, number
from serving.protocols import table_rows
from training.tabular.row import drawn

COLUMNS = (
    number("age"),
    number("size"),
    number("weight"),
    category("colour", ["red", "blue"]),
    category("shape", ["o"]),
)


def test_a_row_is_written_as_a_person_would() -> None:
    written = drawn(np.float32([17.99, 2499, np.nan, 1, -1]), COLUMNS)

    assert written.name == "example.json"
    assert json.loads(written.content) == {
        "inputs": {"age": 17.99, "size": 2499, "weight": None, "colour": "blue", "shape": "something else"}
    }


def test_the_server_reads_the_same_row() -> None:
    row = np.float32([0.1, -1e30, np.nan, np.nan, -1])
    read = table_rows.decode([json.loads(drawn(row, COLUMNS).content)["inputs"]], COLUMNS)

    np.testing.assert_array_equal(read[0], row)
