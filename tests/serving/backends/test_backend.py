"""The contract that every backend keeps, whatever runtime is behind it."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from serving.backends import backend
from serving.core import model_config
from serving.core.model_config import ModelConfig
from serving.core.requests import TensorSpec
from serving.engine.repository import ModelRepository
from serving.errors import ModelLoadFailed
from tests import gpus, python_models, tiny_models


def add_double(root: Path, name: str) -> None:
    """The same function for each backend: y = 2 x + 1, total = the row's sum."""
    if name == "pytorch":
        tiny_models.add_torchscript(root, name)
        return
    if name == "python":
        python_models.add_affine(root, name)
        return
    folder = tiny_models.write_config(
        root,
        name,
        """backend: "onnxruntime" max_batch_size: 8 input { name: "x" data_type: TYPE_FP32 dims: 3 }
        output [{ name: "y" data_type: TYPE_FP32 dims: 3 }, { name: "total" data_type: TYPE_FP32 dims: 1 }]""",
    )
    tiny_models.write_onnx(
        folder / "1" / "model.onnx",
        """g (float[n, 3] x) => (float[n, 3] y, float[n, 1] total) {
            twice = Add(x, x)
            y = Add(twice, one)
            total = ReduceSum(x, axes)
        }""",
        one=np.array(1, np.float32),
        axes=np.array([1], np.int64),
    )


@pytest.fixture(params=["cpu", gpus.DEVICE])
def device(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=sorted(backend.BACKENDS))
def published(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, ModelConfig]:
    """The version directory and the config of a model of each backend."""
    add_double(tmp_path, request.param)
    return tmp_path / request.param / "1", model_config.complete(ModelRepository(tmp_path).config(request.param))


def test_a_runtime_is_known_by_name_and_version() -> None:
    assert re.fullmatch(r"onnxruntime \d+\.\S+", backend.runtime("onnxruntime"))
    assert re.fullmatch(r"torch \d+\.\S+", backend.runtime("pytorch"))


def load(published: tuple[Path, ModelConfig], device: str = "cpu") -> backend.ModelInstance:
    directory, config = published
    if device != "cpu":
        if why := gpus.lacks(config.backend):
            pytest.skip(why)
        config.instance_group[0].kind = config.instance_group[0].KIND_GPU
    return backend.find(config.backend)(directory, config, device)


def test_arrays_in_arrays_out(published: tuple[Path, ModelConfig], device: str) -> None:
    instance = load(published, device)
    outputs = instance.run({"x": np.array([[1, 2, 3], [0, 0, -1]], np.float32)})
    assert outputs["y"].tolist() == [[3, 5, 7], [1, 1, -1]]
    assert outputs["total"].tolist() == [[6], [-1]]
    assert outputs["y"].dtype == np.float32
    instance.close()


def test_read_only_inputs_are_taken_and_left_as_they_are(published: tuple[Path, ModelConfig], device: str) -> None:
    body = np.array([[1, 2, 3]], np.float32).tobytes()
    array = np.frombuffer(body, np.float32).reshape(1, 3)
    assert load(published, device).run({"x": array})["y"].tolist() == [[3, 5, 7]]
    assert array.tolist() == [[1, 2, 3]]


def test_inputs_may_lie_in_the_memory_that_it_likes_and_be_written_over_after_it(
    published: tuple[Path, ModelConfig], device: str
) -> None:
    instance = load(published, device)
    memory = backend.input_memory(instance)
    if memory is None:
        pytest.skip("it may keep its inputs")
    array = memory.allocate(24)[:24].view(np.float32).reshape(2, 3)
    array[...] = [[1, 2, 3], [0, 0, -1]]
    outputs = instance.run({"x": array})
    array[...] = 9
    assert outputs["y"].tolist() == [[3, 5, 7], [1, 1, -1]]
    assert outputs["total"].tolist() == [[6], [-1]]


def test_many_threads_run_it_at_once_and_each_gets_its_own(published: tuple[Path, ModelConfig], device: str) -> None:
    instance = load(published, device)
    if published[1].backend == "python":
        pytest.skip("one thread at a time calls it")

    def run(number: int) -> bool:
        rows = np.full((1 + number % 8, 3), number, np.float32)
        outputs = instance.run({"x": rows})
        return bool((outputs["y"] == 2 * number + 1).all() and (outputs["total"] == 3 * number).all())

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(run, range(400)))


def test_specs_carry_the_batch_dimension(published: tuple[Path, ModelConfig], device: str) -> None:
    instance = load(published, device)
    assert instance.inputs == (TensorSpec("x", "FP32", (-1, 3)),)
    assert instance.outputs == (TensorSpec("y", "FP32", (-1, 3)), TensorSpec("total", "FP32", (-1, 1)))


@pytest.mark.parametrize("content", [b"", b"not a model", None, b"PK\x03\x04", b"\x08\x0a"])
def test_a_file_that_is_missing_or_corrupt_is_a_reason(
    published: tuple[Path, ModelConfig], content: bytes | None
) -> None:
    directory, config = published
    path = directory / config.default_model_filename
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(ModelLoadFailed, match=path.name) as failure:
        load(published)
    assert str(directory) not in str(failure.value), "the server's folders are nobody's business"


@pytest.mark.parametrize("filename", ["", "other.bin"])
def test_a_file_that_is_not_there_is_named_with_who_asks_for_it_and_what_is_there(
    published: tuple[Path, ModelConfig], filename: str
) -> None:
    directory, config = published
    usual = model_config.DEFAULT_FILENAMES[config.backend]
    (directory / usual).rename(directory / "a.bin")
    (directory / "folder").mkdir()
    config.default_model_filename = filename or usual
    asks = "default_model_filename names" if filename else f"the backend {config.backend} loads"
    with pytest.raises(ModelLoadFailed) as failure:
        load(published)
    reason = str(failure.value)
    assert reason.startswith(f"version 1 has no file '{filename or usual}', which {asks}; it has a.bin, ")
    assert "folder/" in reason


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        ModelLoadFailed, match=r"no file 'model\.onnx', which the backend onnxruntime loads; its folder is"
    ):
        backend.model_file(tmp_path, ModelConfig(backend="onnxruntime"))


def test_a_truncated_file_is_a_reason(published: tuple[Path, ModelConfig]) -> None:
    directory, config = published
    path = directory / config.default_model_filename
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ModelLoadFailed, match=path.name):
        load(published)


def test_a_config_with_more_inputs_than_the_model_is_refused(published: tuple[Path, ModelConfig]) -> None:
    directory, config = published
    if config.backend == "python":
        pytest.skip("its file names no inputs")
    config.input.add(name="z", data_type="TYPE_FP32", dims=[1])
    with pytest.raises(ModelLoadFailed, match="configuration expects 2 inputs, model provides 1"):
        load((directory, config))


def test_a_gpu_that_is_not_there_is_a_reason(published: tuple[Path, ModelConfig]) -> None:
    directory, config = published
    if config.backend == "python" or not gpus.lacks(config.backend):
        pytest.skip("there is one, or only the model knows what it needs one for")
    config.instance_group[0].kind = config.instance_group[0].KIND_GPU
    words = f"instance group {config.name}_0 of model {config.name} has kind KIND_GPU but no GPUs are available: "
    with pytest.raises(ModelLoadFailed, match=words):
        backend.find(config.backend)(directory, config, "cuda:0")


def test_every_backend_has_its_platform_and_file_name() -> None:
    assert backend.BACKENDS.keys() == model_config.PLATFORMS.keys() == model_config.DEFAULT_FILENAMES.keys()


FOUND = (TensorSpec("x", "FP32", (-1, 3)),)


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        (TensorSpec("z", "FP32", (-1, 3)), "unexpected inference input 'z', allowed inputs are: x"),
        (TensorSpec("x", "INT8", (-1, 3)), "expects datatype INT8 for input 'x', model provides FP32"),
        (TensorSpec("x", "FP32", (-1, 4)), r"the model has shape \[-1,3\], the configuration .* \[-1,4\]"),
        (TensorSpec("x", "FP32", (3,)), r"\[3\]"),
    ],
)
def test_a_config_that_contradicts_the_file_is_refused(expected: TensorSpec, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        backend.check_against_config("input", FOUND, (expected,))


def test_a_config_may_fix_open_dimensions_and_leave_outputs_out() -> None:
    backend.check_against_config("input", FOUND, (TensorSpec("x", "FP32", (8, 3)),))
    backend.check_against_config("output", FOUND, ())
