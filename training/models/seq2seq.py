"""An encoder that reads both ways, and a decoder that attends to what it made of a text and to its own words at once.

Rule: what the encoder made is keys and values of the decoder's, at the text's own positions, so that a decoder with a
cache writes after it as after any prompt. A text's last token is the decoder's first: it begins the answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from training.models.decoder import Attention, Decoder, DecoderConfig, Layer, hugging_face_config, initialise

PAD = 0  # on the left of shorter texts, and in none of them


@dataclass(frozen=True, slots=True)
class Seq2seqConfig:
    """The encoder's layers are like the decoder's; `max_position_embeddings` are for a text and its answer together."""

    decoder: DecoderConfig
    encoder_layers: int


class Encoder(nn.Module):
    def __init__(self, config: Seq2seqConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(config.decoder) for _ in range(config.encoder_layers))
        self.norm = nn.RMSNorm(config.decoder.hidden_size, config.decoder.rms_norm_eps)
        self.apply(initialise)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, mask: Tensor | None = None) -> Tensor:
        """[B, S, hidden] of tokens alone -> of tokens in their text."""
        for layer in cast(Iterable[Layer], self.layers):
            queries, keys, values = layer.self_attn.heads(layer.input_layernorm(x), cos, sin)
            x = x + _attended(layer.self_attn, queries, keys, values, mask)
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        made: Tensor = self.norm(x)
        return made


class Seq2seq(nn.Module):
    """Texts [B, S], and what precedes each token of the answers [B, T] -> logits [B, T, vocab_size]; for training,
    without a cache."""

    def __init__(self, config: Seq2seqConfig) -> None:
        super().__init__()
        self.config = config
        self.decoder = Decoder(config.decoder)
        self.encoder = Encoder(config)

    def forward(self, texts: Tensor, answers: Tensor) -> Tensor:
        read, written = texts.shape[1], answers.shape[1]
        is_there = texts != PAD
        held = self.held(texts, is_there[:, None, None])
        mask = _mask(is_there, written)
        cos, sin = (angles[read : read + written] for angles in (self.decoder.cos, self.decoder.sin))
        x = self.decoder.embed_tokens(answers)
        for layer, (read_keys, read_values) in zip(self._layers, held, strict=True):
            queries, keys, values = layer.self_attn.heads(layer.input_layernorm(x), cos, sin)
            keys, values = torch.cat((read_keys, keys), 2), torch.cat((read_values, values), 2)
            x = x + _attended(layer.self_attn, queries, keys, values, mask)
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        return self.decoder.logits(x)

    def held(self, texts: Tensor, mask: Tensor | None = None) -> list[tuple[Tensor, Tensor]]:
        """For each layer of the decoder its keys and values of texts, [B, kv_heads, S, head_dim]."""
        length = texts.shape[1]
        cos, sin = self.decoder.cos[:length], self.decoder.sin[:length]
        made = self.encoder(self.decoder.embed_tokens(texts), cos, sin, mask)
        return [layer.self_attn.heads(made, cos, sin)[1:] for layer in self._layers]

    @property
    def _layers(self) -> Iterable[Layer]:
        return cast(Iterable[Layer], self.decoder.layers)


def seq2seq_config(config: Seq2seqConfig) -> dict[str, Any]:
    """Its config.json: what Hugging Face's has of the decoder, under a name that is no other model's."""
    return {
        **hugging_face_config(config.decoder),
        "architectures": ["Seq2seq"],
        "model_type": "slipway-seq2seq",
        "is_encoder_decoder": True,
        "encoder_layers": config.encoder_layers,
    }


def _attended(attention: Attention, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    return attention.joined(scaled_dot_product_attention(queries, keys, values, attn_mask=mask, enable_gqa=True))


def _mask(is_there: Tensor, written: int) -> Tensor:
    """[B, 1, T, S + T]: all of a text, and of its answer what precedes."""
    before = torch.ones(written, written, dtype=torch.bool, device=is_there.device).tril()
    texts, answers = is_there[:, None].expand(-1, written, -1), before.expand(len(is_there), -1, -1)
    return torch.cat((texts, answers), -1)[:, None]
