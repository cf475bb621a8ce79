"""A decoder as one TorchScript archive that keeps its keys and values in memory of the caller's.

Rule: scripted, not traced, since how much of the cache is looked at depends on what is in it.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention

from training.export import torchscript
from training.models.decoder import Decoder, Layer


def export(model: Decoder, path: Path) -> None:
    """Write `path`. `model` is in evaluation mode.

    Its `forward(input_ids [B, S], start [B], cache [layers, 2, B, kv_heads, max_length, head_dim])` gives logits
    [B, vocab] of what follows the last token, and writes the keys and values of positions `start` on into `cache`.
    """
    torchscript.write(torch.jit.script(CachedDecoder(model)), path)


class CachedLayer(nn.Module):
    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.input_layernorm = layer.input_layernorm
        self.self_attn = layer.self_attn
        self.post_attention_layernorm = layer.post_attention_layernorm
        self.mlp = layer.mlp

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, cache: Tensor, positions: Tensor, mask: Tensor, last: bool
    ) -> Tensor:
        """`cache` [2, B, kv_heads, max_length, head_dim]; `mask` [B, 1, S, as much of it as is looked at]; with `last`,
        what comes out is that of the last position alone."""
        queries, keys, values = self.self_attn.heads(self.input_layernorm(x), cos, sin)
        where = positions[:, None, :, None].expand_as(keys)
        cache[0].scatter_(2, where, keys)
        cache[1].scatter_(2, where, values)
        if last:
            x, queries, mask = x[:, -1:], queries[:, :, -1:], mask[:, :, -1:]
        seen = cache[:, :, :, : mask.shape[-1]]
        attended = scaled_dot_product_attention(queries, seen[0], seen[1], attn_mask=mask, enable_gqa=True)
        x = x + self.self_attn.joined(attended)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class CachedDecoder(nn.Module):
    cos: Tensor
    sin: Tensor

    def __init__(self, model: Decoder) -> None:
        super().__init__()
        self.embed_tokens = model.embed_tokens
        self.layers = nn.ModuleList(CachedLayer(layer) for layer in cast(Iterable[Layer], model.layers))
        self.norm = model.norm
        self.head = model.embed_tokens.weight if model.lm_head is None else model.lm_head.weight
        self.register_buffer("cos", model.cos)
        self.register_buffer("sin", model.sin)

    def forward(self, input_ids: Tensor, start: Tensor, cache: Tensor) -> Tensor:
        length = input_ids.shape[1]
        positions = start[:, None] + torch.arange(length, device=start.device)
        total = int(start.max().item()) + length
        mask = (torch.arange(total, device=start.device) <= positions[:, :, None]).unsqueeze(1)
        cos, sin = self.cos[positions].unsqueeze(1), self.sin[positions].unsqueeze(1)
        x = self.embed_tokens(input_ids)
        for number, layer in enumerate(self.layers):
            x = layer(x, cos, sin, cache[number], positions, mask, number == len(self.layers) - 1)
        return linear(self.norm(x[:, -1]), self.head)
