from pathlib import Path

import pytest

from serving.engine.config_completion import Untold, completed, completed_config
from serving.engine.repository import ModelRepository
from serving.errors import ModelLoadFailed
from tests import tiny_models


def test_what_the_file_says_is_in_the_config(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    (tmp_path / "double" / "config.pbtxt").unlink()
    config = completed_config(ModelRepository(tmp_path), "double")
    assert (config.name, config.backend, config.max_batch_size > 0) == ("double", "onnxruntime", True)
    assert ([tensor.name for tensor in config.input], [tensor.name for tensor in config.output]) == (["x"], ["y"])


def test_a_name_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    with pytest.raises(ModelLoadFailed, match="has no folder 'nope'; it has double"):
        completed_config(ModelRepository(tmp_path), "nope")


def test_files_that_tell_nothing_are_their_versions_failure_and_another_may_tell(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    repository, folder = ModelRepository(tmp_path), tmp_path / "double"
    (folder / "config.pbtxt").unlink()
    (folder / "2").mkdir()
    (folder / "2" / "model.onnx").write_bytes(b"broken")
    with pytest.raises(Untold) as untold:
        completed(repository, "double", repository.config("double"), [1, 2])
    assert untold.value.version == "2"
    with pytest.raises(ModelLoadFailed, match="ONNX Runtime can't load"):
        completed_config(repository, "double")
    assert completed(repository, "double", repository.config("double"), [1, 2], [1]).input[0].name == "x"


def test_what_is_wrong_with_the_config_is_the_models_failure(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra='default_model_filename: "../x"')
    repository = ModelRepository(tmp_path)
    with pytest.raises(ModelLoadFailed, match="must be the name of a file"):
        completed(repository, "double", repository.config("double"), [1])
