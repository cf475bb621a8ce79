import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto

from serving.backends.ort_decoder import load
from serving.core.model_config import parse
from tests.tiny_decoders import TINY, tiny_decoder
from training.export.decoder_onnx import export
from training.export.step_parity import check
from training.models.decoder import DecoderConfig, RopeScaling, hugging_face_config

WRITES = parse('parameters { key: "generation.task" value { string_value: "text-generation" } }', "writer")


def test_inputs_and_outputs_have_the_names_and_sizes_that_runners_bind(tmp_path: Path) -> None:
    export(tiny_decoder(), tmp_path / "model.onnx")
    session = ort.InferenceSession(tmp_path / "model.onnx")

    cache = ("tensor(float)", ["batch", 2, "max_length", 16])
    caches = [f"{layer}.{part}" for layer in (0, 1) for part in ("key", "value")]
    assert {each.name: (each.type, each.shape) for each in session.get_inputs()} == {
        "input_ids": ("tensor(int64)", ["batch", "sequence"]),
        "seqlens_k": ("tensor(int32)", ["batch"]),
        "total_sequence_length": ("tensor(int32)", []),
        **{f"past_key_values.{name}": cache for name in caches},
    }
    assert {each.name: (each.type, each.shape) for each in session.get_outputs()} == {
        "logits": ("tensor(float)", ["batch", 300]),
        **{f"present.{name}": cache for name in caches},
    }


@pytest.mark.parametrize(
    "config",
    [
        TINY,
        replace(TINY, tie_word_embeddings=True),
        replace(TINY, num_key_value_heads=4, rope_theta=500.0),
        replace(TINY, head_dim=32, rms_norm_eps=1e-2),
        replace(TINY, attention_bias=True),
        replace(TINY, qkv_bias=True),
        replace(TINY, qk_norm=True, head_dim=32),
        replace(TINY, rope_scaling=RopeScaling(8.0, 1.0, 4.0, 32)),
    ],
    ids=["untied", "tied", "a key for each head", "wide heads", "biases", "qwen2", "qwen3", "llama 3.1"],
)
def test_logits_of_the_last_position_are_the_models(config: DecoderConfig, tmp_path: Path) -> None:
    model = tiny_decoder(config)
    tokens = np.random.default_rng(0).integers(config.vocab_size, size=(1, 23))

    export(model, tmp_path / "model.onnx")

    session = ort.InferenceSession(tmp_path / "model.onnx")
    empty = np.zeros((1, config.num_key_value_heads, 32, config.head_dim), np.float32)
    caches = {each.name: empty for each in session.get_inputs() if each.name.startswith("past")}
    last, total = np.array([22], np.int32), np.array(23, np.int32)
    given = {"input_ids": tokens, "seqlens_k": last, "total_sequence_length": total, **caches}
    logits = session.run(["logits"], given)[0]
    np.testing.assert_allclose(logits, model(torch.tensor(tokens))[:, -1].numpy(), rtol=0, atol=3e-5)


def test_tied_embeddings_are_in_the_file_once(tmp_path: Path) -> None:
    export(tiny_decoder(replace(TINY, tie_word_embeddings=True)), tmp_path / "model.onnx")

    large = [each for each in onnx.load(tmp_path / "model.onnx").graph.initializer if 300 in each.dims]

    assert [each.name for each in large] == ["embed_tokens"]


def test_weights_that_are_too_large_for_one_file_lie_beside_it(tmp_path: Path) -> None:
    model = tiny_decoder()

    export(model, tmp_path / "model.onnx", largest=100_000)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.onnx", "model.onnx.data"]
    assert (tmp_path / "model.onnx").stat().st_size < 50_000 < (tmp_path / "model.onnx.data").stat().st_size
    assert (tmp_path / "model.onnx").stat().st_mode == (tmp_path / "model.onnx.data").stat().st_mode
    (tmp_path / "config.json").write_text(json.dumps(hugging_face_config(TINY)))
    assert check(tmp_path, WRITES, model, list(range(300)), ["onnx"])[-1].passed


@pytest.mark.parametrize(
    "config",
    [TINY, replace(TINY, tie_word_embeddings=True), replace(TINY, qkv_bias=True), replace(TINY, qk_norm=True)],
    ids=["untied", "tied", "biases", "qwen3"],
)
def test_rounded_weights_write_beside_others_what_they_write_alone(config: DecoderConfig, tmp_path: Path) -> None:
    export(tiny_decoder(config), tmp_path / "model.onnx", weights="int8")
    (tmp_path / "config.json").write_text(json.dumps(hugging_face_config(config)))
    random = np.random.default_rng(0)
    prompts = [random.integers(config.vocab_size, size=length).tolist() for length in random.integers(1, 40, 16)]

    decoder = load(tmp_path, parse('backend: "onnxruntime"', "writer"), "cpu", 16, 64)
    alone = []
    for prompt in prompts:
        decoder.prefill(0, prompt, 0)
        alone.append(decoder.decode([7], [len(prompt)])[0].copy())
    for row, prompt in enumerate(prompts):
        decoder.prefill(row, prompt, 0)

    np.testing.assert_array_equal(decoder.decode([7] * 16, list(map(len, prompts))), alone)


def test_rounded_weights_are_bytes_but_for_embedding_and_norms(tmp_path: Path) -> None:
    export(tiny_decoder(), tmp_path / "model.onnx", weights="int8")

    made = onnx.load(tmp_path / "model.onnx")

    kinds = {each.name: each.data_type for each in made.graph.initializer if len(each.dims) == 2}
    assert {name for name, kind in kinds.items() if kind == TensorProto.FLOAT} == {"embed_tokens", "cos", "sin"}
    assert sum(kind == TensorProto.INT8 for kind in kinds.values()) == 2 * 5 + 1
    assert {each.key: each.value for each in made.metadata_props} == {"weights": "int8"}
