from pathlib import Path

import numpy as np
import pytest

from serving.backends import backend
from serving.core import golden, model_config
from serving.core.golden import GoldenRows
from serving.core.requests import Arrays
from serving.engine.repository import ModelRepository
from serving.engine.tuning_rows import batch_of, rows_for
from serving.errors import ModelLoadFailed
from tests import tiny_models

WARM_UP = """model_warmup { name: "ones" batch_size: 2
    inputs { key: "in" value { data_type: TYPE_FP32 dims: 3 random_data: true } } }"""


def rows(root: Path, name: str, extra: str = "") -> Arrays:
    config = root / name / "config.pbtxt"
    config.write_text(config.read_text() + extra)
    completed = model_config.complete(ModelRepository(root).config(name))
    instance = backend.find(completed.backend)(root / name / "1", completed, "cpu")
    try:
        return rows_for(instance, completed, root / name / "1")
    finally:
        instance.close()


def test_golden_rows_come_first_then_samples_then_zeros(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    assert rows(tmp_path, "double")["x"].tolist() == [[0, 0, 0, 0]]
    sample = 'model_warmup { name: "s" inputs { key: "x" value { data_type: TYPE_FP32 dims: 4 random_data: true } } }'
    assert rows(tmp_path, "double", sample)["x"].any()
    inputs = {"x": np.full((3, 4), 7, np.float32)}
    (tmp_path / "double" / "1" / golden.FILENAME).write_bytes(golden.encode(GoldenRows(inputs, inputs)))
    assert rows(tmp_path, "double")["x"].tolist() == inputs["x"].tolist()


def test_where_a_size_is_open_somebody_has_to_say_what_is_usual(tmp_path: Path) -> None:
    tiny_models.add_identity(tmp_path, "m", "TYPE_FP32", "float")
    with pytest.raises(ModelLoadFailed, match="input 'in' has an open size; a model_warmup sample or golden rows say"):
        rows(tmp_path, "m")
    assert rows(tmp_path, "m", WARM_UP)["in"].shape == (2, 3)


def test_a_batch_is_the_same_rows_again() -> None:
    numbers, texts = np.arange(6).reshape(3, 2), np.array([b"a", b"b", b"c"], np.object_)
    batch = batch_of({"numbers": numbers, "texts": texts}, 5)
    assert batch["numbers"].tolist() == [[0, 1], [2, 3], [4, 5], [0, 1], [2, 3]]
    assert batch["texts"].tolist() == [b"a", b"b", b"c", b"a", b"b"]
    assert batch_of({"numbers": numbers}, 1)["numbers"].tolist() == [[0, 1]]
