import asyncio
import shutil
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from serving.core import golden
from serving.core.golden import GoldenRows
from serving.core.remembered import NOTHING, Remembered
from serving.core.repository_files import of_version
from serving.core.states import ModelState
from serving.engine.load_policy import LoadPolicy
from serving.engine.loading import Before, load_model, reason_of
from serving.engine.repository import ModelRepository
from serving.errors import ModelLoadFailed, RepositoryPollFailed
from tests import scaled_models, tiny_models


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
    tiny_models.add_double(tmp_path, extra="nonsense")
    with pytest.raises(ModelLoadFailed, match=r"config\.pbtxt, line:column"):
        load_model(ModelRepository(tmp_path), "double", None, asyncio.get_running_loop())


async def test_what_a_version_does_not_tell_is_its_own_failure(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    (tmp_path / "double" / "1" / "model.onnx").rename(tmp_path / "double" / "1" / "other.onnx")
    (tmp_path / "double" / "config.pbtxt").unlink()
    versions = load_model(ModelRepository(tmp_path), "double", None, asyncio.get_running_loop())
    assert list(versions) == ["1"]
    assert "has none of model.onnx, model.pt, model.py" in versions["1"].reason


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
    versions = load_model(ModelRepository(tmp_path), "m", None, asyncio.get_running_loop())
    assert "only one of us" in versions["1"].reason
    assert (tmp_path / "m" / "1" / "closed").exists()


async def test_python_code_is_not_taken_from_a_request(tmp_path: Path) -> None:
    tensor = '{ name: "x" data_type: TYPE_INT32 dims: 1 }'
    add_python(tmp_path, "raise SystemExit", f"input {tensor} output {tensor}")
    with pytest.raises(RepositoryPollFailed, match="a request can't bring Python code"):
        load_model(ModelRepository(tmp_path), "m", None, asyncio.get_running_loop(), is_brought=True)


async def test_a_sequence_has_its_models_object_for_itself(tmp_path: Path) -> None:
    source = "class Model:\n    async def execute(self, request):\n        return {'x': request.inputs['x']}"
    tensor = '{ name: "x" data_type: TYPE_INT32 dims: 1 }'
    sequences = "max_batch_size: 4 sequence_batching { }"
    add_python(tmp_path, source, f"input {tensor} output {tensor} {sequences}")
    served = load_model(ModelRepository(tmp_path), "m", None, asyncio.get_running_loop())["1"].served
    assert served is not None
    assert (
        len(
            [thread for thread in threading.enumerate() if thread.name.startswith("m/1-") and thread.name[-1].isdigit()]
        )
        == 1
    )
    assert served.close(10)


async def test_instances_of_one_device_share_what_is_loaded(tmp_path: Path) -> None:
    groups = "instance_group [{ count: 2 }, { count: 2 }]"
    tiny_models.add_double(tmp_path, extra=f"dynamic_batching {{ }} {groups}")
    before = len(threading.enumerate())
    served = load_model(ModelRepository(tmp_path), "double", None, asyncio.get_running_loop())["1"].served
    assert served is not None
    assert repr(served) == "<ServedModel double/1, 4 instances>"
    assert len(threading.enumerate()) >= before + 4, "each instance has its thread"
    assert len({id(instance) for instance in served._instances}) == 1
    assert served.close(10)


async def test_a_torchscript_model_may_have_its_weights_for_each_instance(tmp_path: Path) -> None:
    counts = {}
    for name, sharing in (("shared", ""), ("apart", "false")):
        tiny_models.add_torchscript(tmp_path, name)
        with (tmp_path / name / "config.pbtxt").open("a") as config:
            config.write("instance_group { count: 2 }")
            if sharing:
                config.write(f'parameters {{ key: "ENABLE_WEIGHT_SHARING" value {{ string_value: "{sharing}" }} }}')
        served = load_model(ModelRepository(tmp_path), name, None, asyncio.get_running_loop())["1"].served
        assert served is not None
        counts[name] = len({id(instance) for instance in served._instances})
        assert served.close(10)
    assert counts == {"shared": 1, "apart": 2}


async def test_an_instance_that_stands_for_several_is_closed_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A second time would fail, and be logged."""
    tiny_models.add_double(tmp_path, extra="instance_group { count: 3 }")
    served = load_model(ModelRepository(tmp_path), "double", None, asyncio.get_running_loop())["1"].served
    assert served is not None
    assert served.close(10)
    assert "failed to close" not in caplog.text


async def test_a_model_that_would_be_cached_where_there_is_no_cache_is_served_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tiny_models.add_double(tmp_path, extra="response_cache { enable: true }")
    for has_cache, warnings in ((True, 0), (False, 1)):
        policy = LoadPolicy(has_response_cache=has_cache)
        served = load_model(ModelRepository(tmp_path), "double", None, asyncio.get_running_loop(), policy=policy)
        assert served["1"].served is not None
        assert served["1"].served.close(10)
        told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        assert len(told) == warnings
    assert told[0].startswith("double: config.pbtxt sets 'response_cache.enable', which has no effect unless")
    assert "--response-cache-byte-size" in told[0]


async def test_a_model_whose_answers_can_not_be_kept_is_refused_where_it_asks_for_it(tmp_path: Path) -> None:
    add_python(
        tmp_path,
        "class Model:\n    def execute(self, request):\n        yield {}",
        """input { name: "x" data_type: TYPE_FP32 dims: 1 } output { name: "y" data_type: TYPE_FP32 dims: 1 }
        model_transaction_policy { decoupled: true } response_cache { enable: true }""",
    )
    with pytest.raises(ModelLoadFailed, match="Response Cache does not currently support model m with 'decoupled'"):
        load_model(ModelRepository(tmp_path), "m", None, asyncio.get_running_loop())


async def test_samples_and_golden_rows_have_the_shapes_that_callers_see(tmp_path: Path) -> None:
    tensor = "data_type: TYPE_FP32 dims: 4 reshape { shape: [ 2, 2 ] }"
    folder = tiny_models.write_config(
        tmp_path,
        "square",
        f"""backend: "onnxruntime" max_batch_size: 4 input {{ name: "x" {tensor} }} output {{ name: "y" {tensor} }}
        model_warmup {{ name: "zeros"
        inputs {{ key: "x" value {{ data_type: TYPE_FP32 dims: 4 zero_data: true }} }} }}""",
    )
    tiny_models.write_onnx(folder / "1" / "model.onnx", "g (float[n, 2, 2] x) => (float[n, 2, 2] y) { y = Neg(x) }")
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    for factor, is_right in ((-1, True), (1, False)):
        (folder / "1" / "golden.npz").write_bytes(golden.encode(GoldenRows({"x": rows}, {"y": rows * factor})))
        version = load_model(ModelRepository(tmp_path), "square", None, asyncio.get_running_loop())["1"]
        assert (version.state is ModelState.READY) is is_right, version.reason
        if version.served is not None:
            assert version.served.close(10)
    assert "the self-check failed: output 'y' differs" in version.reason


async def test_at_the_start_a_lower_version_serves_where_the_latest_fails(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, 2, 3)
    for version in ("2", "3"):
        (tmp_path / "scaled" / version / "model.onnx").write_bytes(b"broken")
    read = partial(load_model, ModelRepository(tmp_path), "scaled", None, asyncio.get_running_loop())
    versions = read(before=Before(at_start=NOTHING))
    assert {number: version.state.value for number, version in versions.items()} == {
        "1": "READY",
        "2": "UNAVAILABLE",
        "3": "UNAVAILABLE",
    }
    assert list(read()) == ["3"], "later the one that serves goes on"
    assert list(read(before=Before(at_start=NOTHING, without=["1"]))) == ["2", "3"]
    config = tmp_path / "scaled" / "config.pbtxt"
    config.write_text(config.read_text() + "version_policy { specific { versions: 3 } }")
    assert list(read(before=Before(at_start=NOTHING))) == ["3"], "versions that are named are what is meant"
    assert versions["1"].served is not None
    assert versions["1"].served.close(10)


async def test_without_a_config_it_is_completed_from_a_version_that_can_be_read(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1, 2)
    (tmp_path / "scaled" / "config.pbtxt").unlink()
    (tmp_path / "scaled" / "2" / "model.onnx").write_bytes(b"broken")
    read = partial(load_model, ModelRepository(tmp_path), "scaled", None, asyncio.get_running_loop())
    versions = read(before=Before(at_start=NOTHING))
    assert versions["1"].served is not None
    assert versions["1"].served.close(10)
    assert "'model.onnx' is not the file that was published" in versions["2"].reason
    (tmp_path / "scaled" / "1" / "model.onnx").write_bytes(b"broken")
    assert "INVALID_PROTOBUF" in read(before=Before(at_start=NOTHING))["2"].reason


@pytest.mark.parametrize(
    ("broken", "served_last", "expected"),
    [
        ((), "", ["2", "3"]),
        ((), "3", ["3"]),
        ((), "1", ["1", "3"]),
        ((), "2", ["2", "3"]),
        (("2",), "", ["1", "2", "3"]),
        (("3",), "", ["1", "2", "3"]),
        (("3",), "2", ["2", "3"]),
        (("1", "3"), "1", ["1", "2", "3"]),
    ],
)
async def test_at_the_start_a_version_that_has_a_trial_before_it_is_loaded_with_the_one_before(
    tmp_path: Path, broken: tuple[str, ...], served_last: str, expected: list[str]
) -> None:
    scaled_models.add_scaled(
        tmp_path, 1, 2, 3, extra='parameters { key: "rollout.strategy" value { string_value: "canary" } }'
    )
    for version in broken:
        (tmp_path / "scaled" / version / "model.onnx").write_bytes(b"broken")
    repository = ModelRepository(tmp_path)
    remembered = Remembered(served_last, of_version(repository.fingerprint("scaled"), served_last))
    versions = load_model(repository, "scaled", None, asyncio.get_running_loop(), before=Before(at_start=remembered))
    assert list(versions) == expected
    for version in versions.values():
        assert version.served is None or version.served.close(10)
