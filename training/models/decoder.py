"""A decoder-only transformer as Llama is one: RMSNorm, rotary positions, grouped-query attention, SwiGLU.

Rule: its weights have Hugging Face's names without `model.`, and mean what `transformers` takes them to mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention, silu


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """Names and meaning are those of Hugging Face's LlamaConfig, but for `qkv_bias`: biases as Qwen2 has them, where
    `attention_bias` gives the output projection one as well."""

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

    def heads(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """[B, S, hidden] -> queries, keys and values [B, heads, S, head_dim], at their positions' angles."""
        queries, keys, values = (
            projected.unflatten(-1, (-1, self.head_dim)).transpose(1, 2)
            for projected in (self.q_proj(x), self.k_proj(x), self.v_proj(x))
        )
        return rotated(queries, cos, sin), rotated(keys, cos, sin), values

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
        self.apply(_initialise)

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
    return torch.outer(torch.arange(config.max_position_embeddings, dtype=torch.float32), config.rope_theta**-steps)


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


def hugging_face_config(config: DecoderConfig) -> dict[str, Any]:
    """The fields of its config.json, which `transformers` reads too."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "torch_dtype": "float32",
        **{name: getattr(config, name) for name in DecoderConfig.__slots__ if name != "qkv_bias"},
    }


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
