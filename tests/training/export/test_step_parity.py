from pathlib import Path

import numpy as np
import pytest
import torch

from serving.core.generation_config import complete
from serving.core.model_config import ModelConfig, parse
from serving.errors import ModelLoadFailed
from tests.tiny_decoders import TINY, tiny_decoder, write_tiny_decoder
from training.errors import ParityFailed
from training.export import decoder_torchscript
from training.export.step_parity import STEPS, StepParityReport, check, compare
from training.models.decoder import Decoder

TOKENS = torch.randint(TINY.vocab_size, (400,), generator=torch.Generator().manual_seed(1)).tolist()


def _config(extra: str = "") -> ModelConfig:
    task = 'parameters { key: "generation.task" value { string_value: "text-generation" } }'
    return complete(parse(f'backend: "onnxruntime" {task} {extra}', "writer"))


@pytest.fixture
def model(tmp_path: Path) -> Decoder:
    return write_tiny_decoder(tmp_path)


def test_true_files_pass_in_both_formats_at_every_step(model: Decoder, tmp_path: Path) -> None:
    reports = check(tmp_path, _config(), model, TOKENS)

    assert [(report.format, report.step) for report in reports] == [
        (file_format, step) for file_format in ("onnx", "torchscript") for step in range(STEPS + 1)
    ]
    assert all(report.passed and report.rows == 4 for report in reports)


def test_an_onnx_file_of_other_weights_fails(model: Decoder, tmp_path: Path) -> None:
    with pytest.raises(ParityFailed, match="the onnx file answers differently from PyTorch at step 0"):
        check(tmp_path, _config(), tiny_decoder(seed=1), TOKENS)


def test_a_torchscript_file_of_other_weights_fails(model: Decoder, tmp_path: Path) -> None:
    decoder_torchscript.export(tiny_decoder(seed=1), tmp_path / "model.pt")

    with pytest.raises(ParityFailed, match="the torchscript file answers differently from PyTorch at step 0"):
        check(tmp_path, _config(), model, TOKENS)


def test_a_text_that_is_too_short_to_compare_is_refused(model: Decoder, tmp_path: Path) -> None:
    with pytest.raises(ParityFailed, match="there are 100 tokens of held-out text, too few"):
        check(tmp_path, _config(), model, TOKENS[:100])


def test_a_file_that_does_not_load_is_the_loaders_to_explain(model: Decoder, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").unlink()

    with pytest.raises(ModelLoadFailed, match=r"model\.onnx"):
        check(tmp_path, _config(), model, TOKENS)


def test_a_report_tells_the_largest_difference_and_how_often_the_best_token_is_the_same() -> None:
    expected = np.array([[0.0, 1.0], [1.0, 0.0]])
    actual = expected + np.array([[0.0, 0.25], [0.0, 1.5]])

    assert compare("onnx", 3, actual, expected) == StepParityReport("onnx", 3, 2, 1.5, 0.5)
    assert compare("onnx", 3, expected, expected).passed
    assert not compare("onnx", 3, expected + np.nan, expected).passed
