from pathlib import Path

import numpy as np
import pytest
import torch
from tritonclient.grpc.model_config_pb2 import ModelConfig

from serving.backends.torch_decoder import load
from serving.errors import BackendFailed, ModelLoadFailed
from tests.gpus import needs_torch_gpu
from tests.tiny_decoders import TINY, write_tiny_decoder

CONFIG = ModelConfig(backend="pytorch")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("tiny") / "1"
    write_tiny_decoder(written)
    return written


class Double(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + x


def test_an_archive_of_another_kind_is_told_what_a_decoder_takes(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    torch.jit.script(Double()).save(tmp_path / "model.pt")

    with pytest.raises(ModelLoadFailed, match="forward takes input_ids, start, cache; its own takes x"):
        load(tmp_path, CONFIG, "cpu", 2, 0)


@pytest.mark.parametrize(("field", "value"), [("num_hidden_layers", 1), ("head_dim", 8), ("vocab_size", 301)])
def test_a_config_that_is_anothers_is_refused(folder: Path, tmp_path: Path, field: str, value: int) -> None:
    (tmp_path / "model.pt").write_bytes((folder / "model.pt").read_bytes())
    told = (folder / "config.json").read_text()
    changed = told.replace(f'"{field}": {getattr(TINY, field)}', f'"{field}": {value}')
    assert changed != told
    (tmp_path / "config.json").write_text(changed)

    with pytest.raises(ModelLoadFailed, match=r"'model\.pt' .*config\.json"):
        load(tmp_path, CONFIG, "cpu", 2, 0)


def test_an_onnx_file_is_sent_to_its_backend(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    (tmp_path / "model.pt").write_bytes((folder / "model.onnx").read_bytes())

    with pytest.raises(ModelLoadFailed, match="backend onnxruntime"):
        load(tmp_path, CONFIG, "cpu", 2, 0)


def test_a_call_beyond_a_rows_end_fails_and_the_next_one_works(folder: Path) -> None:
    decoder = load(folder, CONFIG, "cpu", 2, 16)
    fine = decoder.prefill(0, [1, 2, 3], 0).copy()

    with pytest.raises(BackendFailed):
        decoder.prefill(0, [5] * 10, 10)

    np.testing.assert_array_equal(decoder.prefill(0, [1, 2, 3], 0), fine)


@needs_torch_gpu
def test_a_gpu_computes_what_a_processor_does(folder: Path) -> None:
    on_gpu, on_cpu = (load(folder, CONFIG, device, 4, 0) for device in ("cuda:0", "cpu"))

    for row in range(3):
        tokens = list(range(row, 9 * row + 4))
        np.testing.assert_allclose(on_gpu.prefill(row, tokens, 0), on_cpu.prefill(row, tokens, 0), atol=1e-2)
    np.testing.assert_allclose(on_gpu.decode([1, 2, 3], [4, 12, 20]), on_cpu.decode([1, 2, 3], [4, 12, 20]), atol=1e-2)
