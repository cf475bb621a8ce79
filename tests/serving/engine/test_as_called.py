from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from serving.backends import ort
from serving.backends.backend import ModelInstance
from serving.core import model_config
from serving.core.model_config import ModelConfig
from serving.engine.as_called import as_called
from serving.engine.repository import ModelRepository
from tests import tiny_models


@pytest.fixture
def ragged(tmp_path: Path) -> Iterator[tuple[ModelInstance, ModelConfig]]:
    tiny_models.add_ragged(tmp_path)
    config = model_config.complete(ModelRepository(tmp_path).config("ragged"))
    instance = ort.load(tmp_path / "ragged" / "1", config, "cpu")
    yield instance, config
    instance.close()


def test_what_callers_see_is_not_what_the_file_has(ragged: tuple[ModelInstance, ModelConfig]) -> None:
    seen = as_called(*ragged)
    assert [(spec.name, spec.shape) for spec in seen.inputs] == [("x", (-1, -1))]
    assert [spec.name for spec in ragged[0].inputs] == ["x", "ends", "longest"]


def test_rows_that_are_run_without_a_queue_are_requests_of_their_own(ragged: tuple[ModelInstance, ModelConfig]) -> None:
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    outputs = as_called(*ragged).run({"x": x})
    assert outputs["total"].tolist() == [[3], [12]]
    assert outputs["twice"].tolist() == (2 * x).tolist()
    assert outputs["tall"].tolist() == [[3], [3]]


def test_a_model_whose_file_has_what_callers_see_is_itself(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    config = model_config.complete(ModelRepository(tmp_path).config("double"))
    instance = ort.load(tmp_path / "double" / "1", config, "cpu")
    assert as_called(instance, config) is instance
    instance.close()
