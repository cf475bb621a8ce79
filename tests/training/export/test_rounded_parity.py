from pathlib import Path

import numpy as np
import pytest
import torch

from serving.core.generation_config import complete
from serving.core.model_config import parse
from tests.tiny_decoders import TINY, tiny_decoder, write_tiny_decoder
from training.errors import ParityFailed
from training.export import decoder_onnx
from training.export.rounded_parity import MOST_DIVERGENCE, check, compare
from training.models.decoder import Decoder

TASK = 'parameters { key: "generation.task" value { string_value: "text-generation" } }'
CONFIG = complete(parse(f'backend: "onnxruntime" {TASK}', "writer"))
TOKENS = torch.randint(TINY.vocab_size, (400,), generator=torch.Generator().manual_seed(1)).tolist()


@pytest.fixture
def model(tmp_path: Path) -> Decoder:
    model = write_tiny_decoder(tmp_path)
    decoder_onnx.export(model, tmp_path / "model.onnx", weights="int8")
    return model


def test_rounded_weights_pass_and_are_reported(model: Decoder, tmp_path: Path) -> None:
    [report] = check(tmp_path, CONFIG, model, TOKENS, "int8")

    assert (report.format, report.weights, report.positions) == ("onnx", "int8", 36)
    assert 0 < report.mean_divergence < MOST_DIVERGENCE
    assert report.token_agreement > 0.8
    assert 1e-3 < report.max_abs_error < 2


def test_other_weights_fail(model: Decoder, tmp_path: Path) -> None:
    with pytest.raises(ParityFailed, match="with int8 weights the onnx file is too far from PyTorch"):
        check(tmp_path, CONFIG, tiny_decoder(seed=1), TOKENS, "int8")


def test_a_model_whose_columns_have_outliers_fails(tmp_path: Path) -> None:
    write_tiny_decoder(tmp_path)
    model = tiny_decoder()
    for name, parameter in model.named_parameters():
        if name.endswith("down_proj.weight"):
            parameter[:, 0] *= 3000
    decoder_onnx.export(model, tmp_path / "model.onnx", weights="int8")

    with pytest.raises(ParityFailed, match=r"nats a token, where 0\.02 are allowed.*use --weights float32"):
        check(tmp_path, CONFIG, model, TOKENS, "int8")


def test_a_report_tells_how_far_apart_probabilities_and_choices_are() -> None:
    expected = np.log(np.array([[0.5, 0.5], [0.75, 0.25]]))
    actual = np.log(np.array([[0.5, 0.5], [0.25, 0.75]])) + 7  # which changes no probability

    report = compare("int8", actual, expected)

    assert report.mean_divergence == pytest.approx(0.25 * np.log(3))
    assert report.token_agreement == 0.5
    assert not report.passed
    assert compare("int8", expected, expected).passed
    assert not compare("int8", expected + np.nan, expected).passed
