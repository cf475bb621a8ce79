from pathlib import Path

import numpy as np
import pytest

from serving.backends import torchscript
from serving.core.model_config import ModelConfig
from serving.engine.repository import ModelRepository
from serving.errors import BackendFailed, ModelLoadFailed


@pytest.fixture
def affine(tiny_repository: Path) -> tuple[Path, ModelConfig]:
    return tiny_repository / "affine" / "1", ModelRepository(tiny_repository).config("affine")


def test_outputs_take_the_configs_names_by_position(affine: tuple[Path, ModelConfig]) -> None:
    directory, config = affine
    config.output[0].name, config.output[1].name = "first", "second"
    outputs = torchscript.load(directory, config, "cpu").run({"x": np.ones((1, 3), np.float32)})
    assert {name: array.tolist() for name, array in outputs.items()} == {"first": [[3, 3, 3]], "second": [[3]]}


def test_another_number_of_outputs_than_the_config_lists_is_the_models_failure(
    affine: tuple[Path, ModelConfig],
) -> None:
    directory, config = affine
    del config.output[1]
    instance = torchscript.load(directory, config, "cpu")
    with pytest.raises(BackendFailed, match="returned 2 tensors, its config lists 1"):
        instance.run({"x": np.ones((1, 3), np.float32)})


def test_string_tensors_are_refused(affine: tuple[Path, ModelConfig]) -> None:
    directory, config = affine
    config.input[0].data_type = 13  # TYPE_STRING
    with pytest.raises(ModelLoadFailed, match="PyTorch has no string tensors"):
        torchscript.load(directory, config, "cpu")
