import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from serving.core import columns
from serving.core.columns import Column, category, number
from serving.core.model_config import parse
from serving.engine.meant_version import meant_version
from serving.engine.served_model import ServedModel
from serving.engine.table_columns import columns_of, read_columns
from serving.errors import ModelLoadFailed

TABLE = (number("age"), category("colour", ["red", "blue"]))
OUT = 'output { name: "p" data_type: TYPE_FP32 dims: 2 }'


@contextmanager
def model(version: str, table: tuple[Column, ...]) -> Iterator[ServedModel]:
    config = parse(f'backend: "onnxruntime" input {{ name: "row" data_type: TYPE_FP32 dims: 2 }} {OUT}', "clinic")
    loop = asyncio.new_event_loop()
    served = ServedModel(version, config, [], {}, loop, columns=table)
    yield served
    assert served.close(10)
    loop.close()


@pytest.mark.parametrize("batches", ["max_batch_size: 8", ""])
def test_columns_are_read_from_the_version_s_folder(tmp_path: Path, batches: str) -> None:
    config = parse(f'{batches} input {{ name: "row" data_type: TYPE_FP32 dims: 2 }} {OUT}', "clinic")
    assert read_columns(config, tmp_path) == ()

    (tmp_path / columns.FILENAME).write_bytes(columns.encode(TABLE))
    assert read_columns(config, tmp_path) == TABLE


@pytest.mark.parametrize(
    "inputs",
    [
        "data_type: TYPE_FP32 dims: 3 }",
        "data_type: TYPE_FP64 dims: 2 }",
        "data_type: TYPE_FP32 dims: [1, 2] }",
        'data_type: TYPE_FP32 dims: 2 } input { name: "other" data_type: TYPE_FP32 dims: 2 }',
    ],
)
def test_columns_that_do_not_fit_the_model_are_refused(tmp_path: Path, inputs: str) -> None:
    (tmp_path / columns.FILENAME).write_bytes(columns.encode(TABLE))

    with pytest.raises(ModelLoadFailed, match=r"columns\.json has 2 columns, for one input of FP32 \[2\] in a batch"):
        read_columns(parse(f'max_batch_size: 8 input {{ name: "row" {inputs} {OUT}', "clinic"), tmp_path)


def test_rows_are_for_the_version_by_whose_columns_they_were_read() -> None:
    with model("1", TABLE) as first, model("2", TABLE) as same, model("3", TABLE[::-1]) as other:
        assert columns_of(first) == TABLE
        assert meant_version(first, [first, same], columns_of) == ""
        assert meant_version(first, [first, same, other], columns_of) == "1"
