import asyncio
import shutil
from pathlib import Path

import pytest

from serving.core.states import ModelState
from serving.engine.loading import load_model, reason_of
from serving.engine.repository import ModelRepository
from serving.errors import ModelLoadFailed
from tests import tiny_models


async def test_no_config_is_needed_where_the_file_says_it_all(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    (tmp_path / "double" / "config.pbtxt").unlink()
    versions = load_model(ModelRepository(tmp_path), "double", None, asyncio.get_running_loop())
    served = versions["1"].served
    assert served is not None
    assert (served.config.backend, served.config.platform) == ("onnxruntime", "onnxruntime_onnx")
    assert (served.max_batch_size, [str(spec) for spec in served.inputs.values()]) == (4, ["x FP32 [-1,4]"])
    assert served.config.HasField("dynamic_batching")
    assert served.load_seconds > 0
    assert served.close(10)


async def test_one_versions_failure_is_its_own(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra="version_policy { all { } }")
    shutil.copytree(tmp_path / "double" / "1", tmp_path / "double" / "2")
    (tmp_path / "double" / "2" / "model.onnx").write_bytes(b"")
    versions = load_model(ModelRepository(tmp_path), "double", None, asyncio.get_running_loop())
    assert [(number, version.state) for number, version in versions.items()] == [
        ("1", ModelState.READY),
        ("2", ModelState.UNAVAILABLE),
    ]
    served = versions["1"].served
    assert served is not None
    assert served.close(10)


async def test_what_concerns_every_version_is_raised(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    (tmp_path / "double" / "1" / "model.onnx").rename(tmp_path / "double" / "1" / "other.onnx")
    (tmp_path / "double" / "config.pbtxt").unlink()
    with pytest.raises(ModelLoadFailed, match=r"has none of model\.onnx, model\.pt, model\.py"):
        load_model(ModelRepository(tmp_path), "double", None, asyncio.get_running_loop())


def test_a_reason_names_no_folder_of_the_server() -> None:
    assert reason_of(FileNotFoundError(2, "No such file or directory", "/secret/place")) == (
        "FileNotFoundError: No such file or directory"
    )
