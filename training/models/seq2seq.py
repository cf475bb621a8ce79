"""An encoder that reads both ways, and a decoder that attends to what it made of a text and to its own words at once.

Rule: what the encoder made is the first part of the decoder's keys and values, in its own positions, so that a decoder
with a cache writes on after it as after any prompt. A text's last token is the decoder's first: it begins the answer.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from training.models.decoder import Attention, Decoder, DecoderConfig, Layer, hugging_face_config

PAD = 0  # on the left of shorter texts, and no part of any


@dataclass(frozen=True, slots=True)
class Seq2seqConfig:
    """The encoder's layers are as wide as the decoder's; positions are the text's and the answer's together."""

    decoder: DecoderConfig
    encoder_layers: int


class Encoder(nn.Module):
    def __init__(self, config: Seq2seqConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(config.decoder) for _ in range(config.encoder_layers))
        self.norm = nn.RMSNorm(config.decoder.hidden_size, config.decoder.rms_norm_eps)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None) -> Tensor:
        """[B, S, hidden] of the tokens alone -> of the tokens in their text."""
        for layer in self.layers:
            normed = layer.input_layernorm(x)
            queries, keys, values = layer.self_attn.heads(normed, cos, sin)
            x = x + _attended(layer.self_attn, queries, keys, values, mask)
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        made: Tensor = self.norm(x)
        return made


class Seq2seq(nn.Module):
    """Texts [B, S], and what precedes each answer's next token [B, T] -> logits [B, T, vocab_size]; for training,
    without a cache."""

    def __init__(self, config: Seq2seqConfig) -> None:
        super().__init__()
        self.config = config
        self.decoder = Decoder(config.decoder)
        self.encoder = Encoder(config)
        self.encoder.apply(initialise)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        read, written = source.shape[1], target.shape[1]
        there = source != PAD
        memory = self.read(source, there[:, None, None])
        causal = torch.ones(written, written, dtype=torch.bool, device=source.device).tril()
        mask = torch.cat((there[:, None].expand(-1, written, -1), causal.expand(len(source), -1, -1)), -1)[:, None]
        cos, sin = self.decoder.cos, self.decoder.sin
        x = self.decoder.embed_tokens(target)
        for layer in self.decoder.layers:
            normed = layer.input_layernorm(x)
            queries, keys, values = layer.self_attn.heads(
                normed, cos[read : read + written], sin[read : read + written]
            )
            _, read_keys, read_values = layer.self_attn.heads(memory, cos[:read], sin[:read])
            keys, values = torch.cat((read_keys, keys), 2), torch.cat((read_values, values), 2)
            x = x + _attended(layer.self_attn, queries, keys, values, mask)
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        return self.decoder.logits(x)

    def read(self, source: Tensor, mask: Tensor | None = None) -> Tensor:
        """What the encoder makes of texts, [B, S, hidden]."""
        length = source.shape[1]
        made: Tensor = self.encoder(
            self.decoder.embed_tokens(source), self.decoder.cos[:length], self.decoder.sin[:length], mask
        )
        return made


def _attended(attention: Attention, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    return attention.joined(scaled_dot_product_attention(queries, keys, values, attn_mask=mask, enable_gqa=True))
