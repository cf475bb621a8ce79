from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from serving.backends import ort, torchscript
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


class Sums(torch.nn.Module):
    def forward(self, x: torch.Tensor, ends: torch.Tensor) -> torch.Tensor:
        return torch.cumsum(x, 0)[ends.long() - 1][:, None]


def test_torchscript_gets_batch_inputs_behind_those_of_callers(tmp_path: Path) -> None:
    text = """backend: "pytorch" max_batch_size: 8
    input { name: "x" data_type: TYPE_FP32 dims: -1 allow_ragged_batch: true }
    output { name: "so_far" data_type: TYPE_FP32 dims: 1 }
    batch_input { kind: BATCH_ACCUMULATED_ELEMENT_COUNT target_name: "ends" data_type: TYPE_INT32 source_input: "x" }"""
    config = model_config.complete(model_config.parse(text, "sums"))
    torch.jit.trace(Sums(), (torch.zeros(3), torch.tensor([1, 3], dtype=torch.int32))).save(tmp_path / "model.pt")
    instance = as_called(torchscript.load(tmp_path, config, "cpu"), config)
    outputs = instance.run({"x": np.array([[1, 2], [3, 4]], np.float32)})
    assert outputs["so_far"].tolist() == [[3], [10]]
    instance.close()
