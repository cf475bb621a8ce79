"""What a decoder's config.json says, as the model that Slipway has for it.

Rule: whatever would make the model compute something else than `transformers` does is refused by name.
"""

from collections.abc import Mapping
from typing import Any

from serving.core.brief import brief
from training.errors import ImportRefused
from training.huggingface.fields import Fields, count, flag, must_be, real
from training.models.decoder import DecoderConfig, RopeScaling

ARCHITECTURES = ("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM")
_MOST_LAYERS = 1 << 10
_MISTRALS_WINDOW = 4096  # of a config.json that says nothing of it; null is none


def decoder_config(architecture: str, fields: Fields) -> DecoderConfig:
    """`architecture` is one of `ARCHITECTURES`. Raises `ImportRefused`."""
    for name, only in (("hidden_act", "silu"), ("mlp_bias", False), ("partial_rotary_factor", 1.0)):
        must_be(fields, name, only)
    _check_whole_attention(architecture, fields)
    heads = count(fields, "num_attention_heads")
    hidden = count(fields, "hidden_size")
    rope = _rope(fields)
    config = DecoderConfig(
        vocab_size=count(fields, "vocab_size"),
        hidden_size=hidden,
        intermediate_size=count(fields, "intermediate_size"),
        num_hidden_layers=count(fields, "num_hidden_layers", most=_MOST_LAYERS),
        num_attention_heads=heads,
        num_key_value_heads=count(fields, "num_key_value_heads", heads),
        head_dim=count(fields, "head_dim", 128 if architecture == "Qwen3ForCausalLM" else max(1, hidden // heads)),
        max_position_embeddings=count(fields, "max_position_embeddings"),
        rope_theta=real(rope, "rope_theta", 10000.0),
        rms_norm_eps=real(fields, "rms_norm_eps", 1e-6),
        tie_word_embeddings=flag(fields, "tie_word_embeddings"),
        attention_bias=architecture in ("LlamaForCausalLM", "Qwen3ForCausalLM") and flag(fields, "attention_bias"),
        qkv_bias=architecture == "Qwen2ForCausalLM",
        qk_norm=architecture == "Qwen3ForCausalLM",
        rope_scaling=_scaling(rope),
    )
    _check_heads(config)
    return config


def _check_heads(config: DecoderConfig) -> None:
    heads, shared = config.num_attention_heads, config.num_key_value_heads
    if heads % shared:
        raise ImportRefused(f"config.json: num_attention_heads {heads} is no multiple of num_key_value_heads {shared}")
    if config.head_dim % 2:
        raise ImportRefused(f"config.json: head_dim is {config.head_dim}, an even number is expected")


def _check_whole_attention(architecture: str, fields: Fields) -> None:
    """Raises `ImportRefused` where a token doesn't see all before it."""
    kinds = fields.get("layer_types") or []
    if type(kinds) is not list or any(kind != "full_attention" for kind in kinds):
        raise ImportRefused("config.json: 'layer_types' has others than 'full_attention', which are not served")
    is_mistral = architecture == "MistralForCausalLM"
    window = fields.get("sliding_window", _MISTRALS_WINDOW if is_mistral else None)
    longest = count(fields, "max_position_embeddings")
    if window is None or not (is_mistral or flag(fields, "use_sliding_window")):
        return
    if count({"sliding_window": window}, "sliding_window") < longest:
        raise ImportRefused(
            f"config.json: 'sliding_window' is {window}, below max_position_embeddings {longest}; models whose tokens "
            "see only so many before them are not served"
        )


def _rope(fields: Fields) -> dict[str, Any]:
    """`rope_parameters` are those of transformers 5, the others what came before."""
    rope: dict[str, Any] = {"rope_theta": fields.get("rope_theta")}
    for name in ("rope_scaling", "rope_parameters"):
        more = fields.get(name) or {}
        if not isinstance(more, Mapping):
            raise ImportRefused(f"config.json: '{name}' must be an object, got {brief(more)}")
        rope |= more
    return rope


def _scaling(rope: Fields) -> RopeScaling | None:
    kind = rope.get("rope_type") or rope.get("type") or "default"
    must_be(rope, "partial_rotary_factor", 1.0)
    if kind == "default":
        return None
    if kind != "llama3":
        raise ImportRefused(f"config.json: positions are scaled by {brief(kind)}, of which only 'llama3' is served")
    low, high = real(rope, "low_freq_factor"), real(rope, "high_freq_factor")
    if low >= high:
        raise ImportRefused(f"config.json: 'low_freq_factor' is {low:g}, below 'high_freq_factor' {high:g} is expected")
    return RopeScaling(real(rope, "factor"), low, high, count(rope, "original_max_position_embeddings"))
