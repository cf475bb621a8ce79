from pathlib import Path

import numpy as np
import pytest
from tritonclient.grpc.model_config_pb2 import ModelConfig

from serving.backends.ort_decoder import load
from serving.errors import BackendFailed, ModelLoadFailed
from tests.tiny_decoders import TINY, write_tiny_decoder
from tests.tiny_models import write_onnx


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("tiny") / "1"
    write_tiny_decoder(written)
    return written


@pytest.fixture
def described(tmp_path: Path, folder: Path) -> Path:
    """A version that lacks its model."""
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    return tmp_path


def onnx_config(**parameters: str) -> ModelConfig:
    config = ModelConfig(backend="onnxruntime")
    for name, value in parameters.items():
        config.parameters[name].string_value = value
    return config


def test_a_call_leaves_what_the_one_of_the_other_kind_returned(folder: Path) -> None:
    decoder = load(folder, onnx_config(), "cpu", 4, 0)
    written = decoder.decode([3, 4], [0, 0])
    before = written.copy()

    read = decoder.prefill(2, [5, 6], 0)

    assert not np.array_equal(read, before[0])
    np.testing.assert_array_equal(written, before)


def test_threads_are_the_configs(folder: Path) -> None:
    alone, two = (
        load(folder, onnx_config(**given), "cpu", 2, 0).prefill(0, range(100), 0)
        for given in ({}, {"intra_op_thread_count": "2"})
    )

    np.testing.assert_allclose(alone, two, atol=1e-5)
    with pytest.raises(ModelLoadFailed, match="intra_op_thread_count"):
        load(folder, onnx_config(intra_op_thread_count="many"), "cpu", 2, 0)


def test_a_gpu_is_refused_with_what_to_do(folder: Path) -> None:
    with pytest.raises(ModelLoadFailed, match=r"CPU only.*cuda:0.*KIND_CPU"):
        load(folder, onnx_config(), "cuda:0", 4, 0)


def test_a_graph_of_another_kind_is_told_what_it_lacks(described: Path) -> None:
    write_onnx(described / "model.onnx", "g (float[n, 4] x) => (float[n, 4] y) { y = Add(x, x) }")

    with pytest.raises(ModelLoadFailed, match=r"'model.onnx' has no input 'input_ids'.*Its inputs are x"):
        load(described, onnx_config(), "cpu", 2, 0)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("num_hidden_layers", 3, r"has no input 'past_key_values\.2\.key'"),
        ("num_hidden_layers", 1, r"has the input 'past_key_values\.1\.key'"),
        ("head_dim", 8, r"'past_key_values\.0\.key' is tensor\(float\) \[any, 2, any, 16\].* \[any, 2, any, 8\]"),
        ("vocab_size", 301, r"'logits' is tensor\(float\) \[any, 300\].*\[any, 301\]"),
    ],
)
def test_a_config_that_is_anothers_is_told_where_it_differs(
    folder: Path, tmp_path: Path, field: str, value: int, reason: str
) -> None:
    (tmp_path / "model.onnx").write_bytes((folder / "model.onnx").read_bytes())
    told = (folder / "config.json").read_text()
    changed = told.replace(f'"{field}": {getattr(TINY, field)}', f'"{field}": {value}')
    assert changed != told
    (tmp_path / "config.json").write_text(changed)

    with pytest.raises(ModelLoadFailed, match=reason):
        load(tmp_path, onnx_config(), "cpu", 2, 0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"nonsense", "ONNX Runtime can't load"), (b"PK\x03\x04", "a zip archive"), (b"<html>", "a page of HTML")],
)
def test_a_file_that_is_no_onnx_is_refused(described: Path, content: bytes, reason: str) -> None:
    (described / "model.onnx").write_bytes(content)

    with pytest.raises(ModelLoadFailed, match=reason):
        load(described, onnx_config(), "cpu", 2, 0)


def test_a_call_beyond_a_rows_end_fails_and_the_next_one_works(folder: Path) -> None:
    decoder = load(folder, onnx_config(), "cpu", 2, 16)
    fine = decoder.prefill(0, [1, 2, 3], 0).copy()

    with pytest.raises(BackendFailed):
        decoder.prefill(0, [5] * 10, 10)
    with pytest.raises(BackendFailed):
        decoder.decode([5], [16])

    np.testing.assert_array_equal(decoder.prefill(0, [1, 2, 3], 0), fine)
