"""A decoder-only transformer as Llama is one: RMSNorm, rotary positions, grouped-query attention, SwiGLU.

Rule: its weights have Hugging Face's names without `model.`, and mean what `transformers` takes them to mean.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention, silu


@dataclass(frozen=True, slots=True)
class RopeScaling:
    """Llama 3's: slow rotations are slowed down by `factor`, fast ones are left alone, those between are mixed. Which
    ones are slow is told by how often they turn within the length that the model was first trained for."""

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_max_position_embeddings: int


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """Names and meaning are those of Hugging Face's LlamaConfig, but for `qkv_bias`: biases as Qwen2 has them, where
    `attention_bias` gives the output projection one as well; and `qk_norm`: norms of queries and keys, as Qwen3 has
    them."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-6
    tie_word_embeddings: bool = False
    attention_bias: bool = False
    qkv_bias: bool = False
    qk_norm: bool = False
    rope_scaling: RopeScaling | None = None


class Attention(nn.Module):
    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.head_dim = config.head_dim
        has_bias = config.attention_bias or config.qkv_bias
        width, shared = (n * config.head_dim for n in (config.num_attention_heads, config.num_key_value_heads))
        self.q_proj = nn.Linear(config.hidden_size, width, has_bias)
        self.k_proj = nn.Linear(config.hidden_size, shared, has_bias)
        self.v_proj = nn.Linear(config.hidden_size, shared, has_bias)
        self.o_proj = nn.Linear(width, config.hidden_size, config.attention_bias)
        self.q_norm = nn.RMSNorm(config.head_dim, config.rms_norm_eps) if config.qk_norm else nn.Identity()
        self.k_norm = nn.RMSNorm(config.head_dim, config.rms_norm_eps) if config.qk_norm else nn.Identity()

    def heads(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, S, hidden] -> queries, keys and values [B, heads, S, head_dim], at their positions' angles."""
        queries, keys, values = (
            projected.unflatten(-1, (-1, self.head_dim)).transpose(1, 2)
            for projected in (self.q_proj(x), self.k_proj(x), self.v_proj(x))
        )
        return rotated(self.q_norm(queries), cos, sin), rotated(self.k_norm(keys), cos, sin), values

    def joined(self, attended: Tensor) -> Tensor:
        """[B, heads, S, head_dim] -> [B, S, hidden]."""
        together: Tensor = self.o_proj(attended.transpose(1, 2).flatten(2))
        return together

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        queries, keys, values = self.heads(x, cos, sin)
        return self.joined(scaled_dot_product_attention(queries, keys, values, is_causal=True, enable_gqa=True))


class Mlp(nn.Module):
    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        down: Tensor = self.down_proj(silu(self.gate_proj(x)) * self.up_proj(x))
        return down


class Layer(nn.Module):
    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.input_layernorm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.mlp = Mlp(config)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Decoder(nn.Module):
    """Token numbers [B, S] -> logits [B, S, vocab_size] of what follows each; for training, without a cache."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        tied = config.tie_word_embeddings
        self.lm_head = None if tied else nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        angles = rotary_angles(config)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)
        self.apply(initialise)

    def forward(self, input_ids: Tensor) -> Tensor:
        length = input_ids.shape[1]
        cos, sin = self.cos[:length], self.sin[:length]
        x = self.embed_tokens(input_ids)
        for layer in self.layers:
            x = layer(x, cos, sin)
        logits: Tensor = self.logits(x)
        return logits

    def logits(self, x: Tensor) -> Tensor:
        normed = self.norm(x)
        if self.lm_head is None:
            return linear(normed, self.embed_tokens.weight)
        logits: Tensor = self.lm_head(normed)
        return logits


def rotary_angles(config: DecoderConfig) -> Tensor:
    """[max_position_embeddings, head_dim / 2]."""
    steps = torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim
    turns = _scaled(config.rope_theta**-steps, config.rope_scaling)
    return torch.outer(torch.arange(config.max_position_embeddings, dtype=torch.float32), turns)


def _scaled(turns: Tensor, scaling: RopeScaling | None) -> Tensor:
    """Radians per position, [head_dim / 2]."""
    if scaling is None:
        return turns
    rounds = scaling.original_max_position_embeddings * turns / (2 * torch.pi)
    fast = (rounds - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)
    fast = fast.clamp(0, 1)
    return fast * turns + (1 - fast) * turns / scaling.factor


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Each head's first half is turned against its second, which is where Hugging Face's weights have their pairs."""
    first, second = x.chunk(2, -1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)


def own_weights(theirs: Mapping[str, Tensor], config: DecoderConfig) -> dict[str, Tensor]:
    """Of a LlamaForCausalLM or its like; a head that is the embedding goes."""
    named = {name.removeprefix("model."): tensor for name, tensor in theirs.items()}
    if config.tie_word_embeddings:
        named.pop("lm_head.weight", None)
    return {name: tensor for name, tensor in named.items() if not name.endswith("rotary_emb.inv_freq")}


def with_weights(config: DecoderConfig, weights: Mapping[str, Tensor]) -> Decoder:
    """In evaluation mode, its parameters the very tensors of `weights`, which have the names and shapes that
    `expected_shapes` tells."""
    with torch.device("meta"):
        model = Decoder(config)
    model.load_state_dict(weights, assign=True)
    angles = rotary_angles(config)
    model.cos, model.sin = angles.cos(), angles.sin()
    return model.eval().requires_grad_(False)


def expected_shapes(config: DecoderConfig) -> dict[str, tuple[int, ...]]:
    """Of each weight, by its name; no memory is taken."""
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in Decoder(config).state_dict().items()}


def hugging_face_config(config: DecoderConfig) -> dict[str, Any]:
    """The fields of its config.json, which `transformers` reads too."""
    architecture, model_type = _architecture(config)
    fields = {
        "architectures": [architecture],
        "model_type": model_type,
        "hidden_act": "silu",
        "torch_dtype": "float32",
        **{name: getattr(config, name) for name in DecoderConfig.__slots__ if name not in ("qkv_bias", "qk_norm")},
    }
    if config.rope_scaling is None:
        return {name: value for name, value in fields.items() if name != "rope_scaling"}
    return {**fields, "rope_scaling": {"rope_type": "llama3", **asdict(config.rope_scaling)}}


def _architecture(config: DecoderConfig) -> tuple[str, str]:
    if config.qk_norm:
        return "Qwen3ForCausalLM", "qwen3"
    return ("Qwen2ForCausalLM", "qwen2") if config.qkv_bias else ("LlamaForCausalLM", "llama")


def initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
