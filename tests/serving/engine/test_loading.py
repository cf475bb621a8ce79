import asyncio
import shutil
import threading
from pathlib import Path
from typing import NoReturn

import pytest

from serving.core.states import ModelState
from serving.engine.dispatch import Dispatch
from serving.engine.loading import load_model, reason_of
from serving.engine.repository import ModelRepository
from serving.errors import ModelLoadFailed, ModelNotFound, RepositoryPollFailed
from tests import tiny_models


def nowhere(name: str, _: str) -> NoReturn:
    raise ModelNotFound(name)


NOWHERE = Dispatch(nowhere)


async def test_no_config_is_needed_where_the_file_says_it_all(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    (tmp_path / "double" / "config.pbtxt").unlink()
    versions = load_model(ModelRepository(tmp_path), "double", None, asyncio.get_running_loop(), NOWHERE)
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
    versions = load_model(ModelRepository(tmp_path), "double", None, asyncio.get_running_loop(), NOWHERE)
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
        load_model(ModelRepository(tmp_path), "double", None, asyncio.get_running_loop(), NOWHERE)


def test_a_reason_names_no_folder_of_the_server() -> None:
    assert reason_of(FileNotFoundError(2, "No such file or directory", "/secret/place")) == (
        "FileNotFoundError: No such file or directory"
    )


def add_python(root: Path, source: str, config: str) -> None:
    folder = tiny_models.write_config(root, "m", f'backend: "python" {config}')
    (folder / "1").mkdir()
    (folder / "1" / "model.py").write_text(source)


async def test_instances_before_one_that_fails_are_closed(tmp_path: Path) -> None:
    source = """
from pathlib import Path
class Model:
    def load(self, context):
        self.folder = context.directory
        if (self.folder / "loaded").exists():
            raise RuntimeError("only one of us")
        (self.folder / "loaded").touch()
    def execute(self, request):
        return request.inputs
    def close(self):
        (self.folder / "closed").touch()
"""
    tensor = '{ name: "x" data_type: TYPE_INT32 dims: 1 }'
    add_python(tmp_path, source, f"input {tensor} output {tensor} instance_group {{ count: 2 }}")
    versions = load_model(ModelRepository(tmp_path), "m", None, asyncio.get_running_loop(), NOWHERE)
    assert "only one of us" in versions["1"].reason
    assert (tmp_path / "m" / "1" / "closed").exists()


async def test_python_code_is_not_taken_from_a_request(tmp_path: Path) -> None:
    tensor = '{ name: "x" data_type: TYPE_INT32 dims: 1 }'
    add_python(tmp_path, "raise SystemExit", f"input {tensor} output {tensor}")
    with pytest.raises(RepositoryPollFailed, match="a request can't bring Python code"):
        load_model(ModelRepository(tmp_path), "m", None, asyncio.get_running_loop(), NOWHERE, is_brought=True)


async def test_a_sequence_has_its_models_object_for_itself(tmp_path: Path) -> None:
    source = "class Model:\n    async def execute(self, request):\n        return {'x': request.inputs['x']}"
    tensor = '{ name: "x" data_type: TYPE_INT32 dims: 1 }'
    sequences = "max_batch_size: 4 sequence_batching { }"
    add_python(tmp_path, source, f"input {tensor} output {tensor} {sequences}")
    served = load_model(ModelRepository(tmp_path), "m", None, asyncio.get_running_loop(), NOWHERE)["1"].served
    assert served is not None
    assert (
        len(
            [thread for thread in threading.enumerate() if thread.name.startswith("m/1-") and thread.name[-1].isdigit()]
        )
        == 1
    )
    assert served.close(10)
