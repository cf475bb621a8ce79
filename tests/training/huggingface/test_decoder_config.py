from typing import Any

import pytest

from training.errors import ImportRefused
from training.huggingface.decoder_config import ARCHITECTURES, decoder_config
from training.models.decoder import DecoderConfig, RopeScaling

FIELDS: dict[str, Any] = {
    "vocab_size": 300,
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5,
    "sliding_window": None,
}
LLAMA_3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}


def config(architecture: str = "LlamaForCausalLM", **fields: Any) -> DecoderConfig:
    return decoder_config(architecture, FIELDS | fields)


def test_the_fields_are_the_models() -> None:
    assert config() == DecoderConfig(300, 64, 160, 2, 4, 2, 16, 128, rms_norm_eps=1e-5)
    assert config(head_dim=32, tie_word_embeddings=True).head_dim == 32
    assert config(num_key_value_heads=None).num_key_value_heads == 4


def test_each_architecture_has_its_own_biases_and_norms() -> None:
    made = {name: config(name, attention_bias=False) for name in ARCHITECTURES}

    assert [name for name, it in made.items() if it.qkv_bias] == ["Qwen2ForCausalLM"]
    assert [name for name, it in made.items() if it.qk_norm] == ["Qwen3ForCausalLM"]
    assert made["Qwen3ForCausalLM"].head_dim == 128
    assert config(attention_bias=True).attention_bias


@pytest.mark.parametrize(
    "fields",
    [
        {"rope_theta": 5e5},
        {"rope_parameters": {"rope_theta": 5e5, "rope_type": "default"}},
        {"rope_theta": 5e5, "rope_scaling": None},
        {"rope_theta": 5e5, "rope_scaling": {"type": "default"}},
    ],
)
def test_positions_are_said_in_the_words_of_old_and_new_releases(fields: dict[str, Any]) -> None:
    assert config(**fields).rope_theta == 5e5
    assert config(**fields).rope_scaling is None


@pytest.mark.parametrize("name", ["rope_scaling", "rope_parameters"])
def test_llama_3_scales_its_positions(name: str) -> None:
    found = config(rope_theta=5e5, **{name: {"rope_type": "llama3", **LLAMA_3}})

    assert found.rope_scaling == RopeScaling(8.0, 1.0, 4.0, 64)
    assert found.rope_theta == 5e5


@pytest.mark.parametrize(
    ("architecture", "fields"),
    [
        ("MistralForCausalLM", {"sliding_window": 128}),
        ("Qwen2ForCausalLM", {"sliding_window": 32, "use_sliding_window": False}),
        ("Qwen2ForCausalLM", {"layer_types": ["full_attention", "full_attention"]}),
    ],
)
def test_a_window_that_hides_nothing_is_none(architecture: str, fields: dict[str, Any]) -> None:
    config(architecture, **fields)


@pytest.mark.parametrize(
    ("architecture", "fields", "reason"),
    [
        ("LlamaForCausalLM", {"hidden_act": "gelu"}, "'hidden_act' is 'gelu', of which only 'silu'"),
        ("LlamaForCausalLM", {"mlp_bias": True}, "'mlp_bias' is True"),
        ("LlamaForCausalLM", {"vocab_size": None}, "'vocab_size' is None, a number from 1"),
        ("LlamaForCausalLM", {"num_hidden_layers": 10**7}, "'num_hidden_layers' is 10000000, a number from 1 to 1024"),
        ("LlamaForCausalLM", {"max_position_embeddings": 10**7}, "'max_position_embeddings' is 10000000"),
        ("LlamaForCausalLM", {"num_key_value_heads": 3}, "4 is no multiple of num_key_value_heads 3"),
        ("LlamaForCausalLM", {"head_dim": 15}, "head_dim is 15, an even number"),
        ("LlamaForCausalLM", {"partial_rotary_factor": 0.5}, "'partial_rotary_factor' is 0.5"),
        ("LlamaForCausalLM", {"rope_scaling": {"rope_type": "yarn", "factor": 4}}, "scaled by 'yarn', of which only"),
        ("LlamaForCausalLM", {"rope_scaling": {"type": "linear", "factor": 4}}, "scaled by 'linear', of which only"),
        ("LlamaForCausalLM", {"rope_scaling": [1]}, "'rope_scaling' must be an object, got a list of 1"),
        ("LlamaForCausalLM", {"rope_scaling": {"rope_type": "llama3"}}, "'low_freq_factor' is absent"),
        (
            "LlamaForCausalLM",
            {"rope_scaling": {"rope_type": "llama3", **LLAMA_3, "high_freq_factor": 1.0}},
            "'low_freq_factor' is 1, below 'high_freq_factor' 1 is expected",
        ),
        ("MistralForCausalLM", {"sliding_window": 64}, "'sliding_window' is 64, below max_position_embeddings 128"),
        ("Qwen2ForCausalLM", {"sliding_window": 64, "use_sliding_window": True}, "'sliding_window' is 64"),
        ("Qwen2ForCausalLM", {"layer_types": ["full_attention", "sliding_attention"]}, "'layer_types' has others"),
        ("Qwen2ForCausalLM", {"layer_types": 5}, "'layer_types' has others"),
    ],
)
def test_what_would_answer_differently_is_named(architecture: str, fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ImportRefused, match=rf"^config\.json: .*{reason}"):
        config(architecture, **fields)


def test_mistral_has_a_window_unless_its_file_says_that_it_has_none() -> None:
    fields = {name: value for name, value in FIELDS.items() if name != "sliding_window"}

    with pytest.raises(ImportRefused, match="'sliding_window' is 4096, below max_position_embeddings 32768"):
        decoder_config("MistralForCausalLM", fields | {"max_position_embeddings": 32768})
