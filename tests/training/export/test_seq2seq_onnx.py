from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
import torch

from tests.tiny_seq2seq import TINY, tiny_seq2seq
from training.export.seq2seq_onnx import export
from training.models.decoder import DecoderConfig

DECODER = TINY.decoder


@pytest.mark.parametrize(
    "decoder",
    [
        DECODER,
        replace(DECODER, tie_word_embeddings=True, num_key_value_heads=4),
        replace(DECODER, attention_bias=True, head_dim=32),
        replace(DECODER, qk_norm=True),
    ],
    ids=["untied", "tied", "biases", "norms"],
)
def test_keys_and_values_of_a_text_are_the_models(decoder: DecoderConfig, tmp_path: Path) -> None:
    model = tiny_seq2seq(replace(TINY, decoder=decoder))

    export(model, tmp_path / "encoder.onnx", tmp_path / "model.onnx")

    session = ort.InferenceSession(tmp_path / "encoder.onnx")
    names = ["present.0.key", "present.0.value", "present.1.key", "present.1.value"]
    assert [output.name for output in session.get_outputs()] == names
    for length in (1, 23):
        text = np.random.default_rng(0).integers(1, 300, size=(1, length))
        expected = [tensor for pair in model.held(torch.tensor(text)) for tensor in pair]
        for found, wanted in zip(session.run(names, {"input_ids": text}), expected, strict=True):
            np.testing.assert_allclose(found, wanted.numpy(), rtol=0, atol=2e-5)


def test_the_decoder_is_a_decoder_with_a_cache(tmp_path: Path) -> None:
    export(tiny_seq2seq(), tmp_path / "encoder.onnx", tmp_path / "model.onnx")

    inputs = {each.name for each in ort.InferenceSession(tmp_path / "model.onnx").get_inputs()}

    assert {"input_ids", "seqlens_k", "past_key_values.1.value"} <= inputs
