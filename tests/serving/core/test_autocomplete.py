import pytest

from serving.core.autocomplete import with_backend, with_tensors
from serving.core.file_specs import file_input_specs
from serving.core.model_config import ModelConfig, complete, input_specs
from serving.core.requests import TensorSpec
from serving.errors import ModelLoadFailed

ROWS = (TensorSpec("x", "FP32", (-1, 4)),)
FIXED = (TensorSpec("x", "FP32", (3, 4)),)


@pytest.mark.parametrize(
    ("filename", "backend", "platform"),
    [
        ("model.onnx", "onnxruntime", "onnxruntime_onnx"),
        ("model.pt", "pytorch", "pytorch_libtorch"),
        ("model.py", "python", "python"),
    ],
)
def test_the_backend_is_found_by_the_file(filename: str, backend: str, platform: str) -> None:
    config = with_backend(ModelConfig(name="m"), {filename, "manifest.json"})
    assert (config.backend, config.platform) == (backend, platform)


@pytest.mark.parametrize(
    ("named", "files", "reason"),
    [
        ("", {"net.onnx"}, "its version folder has none of model.onnx, model.pt, model.py; it has net.onnx: rename"),
        ("", set(), "its version folder has none of model.onnx, model.pt, model.py$"),
        (
            "net.onnx",
            {"net.onnx"},
            "'net.onnx' does not tell it, as model.onnx, model.pt, model.py do; backends are onnx",
        ),
        ("net.onnx", {"model.onnx"}, "no file 'net.onnx', which default_model_filename names; it has model.onnx$"),
    ],
)
def test_where_no_file_tells_the_backend_the_reason_says_what_was_looked_for(
    named: str, files: set[str], reason: str
) -> None:
    config = ModelConfig(name="m", default_model_filename=named)
    with pytest.raises(ModelLoadFailed, match=f"must specify 'platform' or 'backend' for 'm': .*{reason}"):
        with_backend(config, files)


def test_a_config_that_says_its_backend_is_believed() -> None:
    assert with_backend(ModelConfig(backend="pytorch"), {"model.onnx"}).backend == "pytorch"


def test_a_model_whose_rows_are_open_gets_batches() -> None:
    config = with_tensors(ModelConfig(name="m", backend="onnxruntime"), ROWS, ROWS)
    assert config.max_batch_size == 4
    assert config.HasField("dynamic_batching")
    assert input_specs(complete(config)) == ROWS


def test_a_batch_size_that_is_given_is_kept() -> None:
    assert with_tensors(ModelConfig(name="m", max_batch_size=16), ROWS, ROWS).max_batch_size == 16


def test_a_model_of_fixed_rows_gets_none_and_may_ask_for_none() -> None:
    config = with_tensors(ModelConfig(name="m"), FIXED, ROWS)
    assert config.max_batch_size == 0
    assert list(config.input[0].dims) == [3, 4]
    with pytest.raises(ModelLoadFailed, match="model does not support batching while non-zero max_batch_size"):
        with_tensors(ModelConfig(name="m", max_batch_size=2), FIXED, ROWS)


def test_a_value_for_each_row_is_sent_as_a_row_of_one() -> None:
    scalars = (TensorSpec("x", "FP32", (-1,)),)
    config = complete(with_tensors(ModelConfig(name="m", backend="onnxruntime"), scalars, ROWS))
    assert (list(config.input[0].dims), list(config.input[0].reshape.shape)) == ([1], [])
    assert input_specs(config) == (TensorSpec("x", "FP32", (-1, 1)),)
    assert file_input_specs(config) == scalars
    assert not config.output[0].HasField("reshape")


def test_only_what_is_missing_is_filled_in() -> None:
    given = ModelConfig(name="m")
    given.input.add(name="mine", data_type="TYPE_FP32", dims=[-1, 4])
    config = with_tensors(given, ROWS, ROWS)
    assert ([tensor.name for tensor in config.input], [tensor.name for tensor in config.output]) == (["mine"], ["x"])
    assert config.max_batch_size == 0, "its dims say that the first dimension is the caller's"
