"""Encoders as BERT is one, and what is made of their outputs: a text's embedding, or the probabilities of its labels.

Rule: weights have Hugging Face's names, and mean what `transformers` takes them to mean.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, normalize, relu, scaled_dot_product_attention

NOTHING = 0
"""The token of places without text, where a model is trained here."""

_EMBEDDING_DEVIATION = 0.02
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": gelu, "relu": relu}


class Pooling(StrEnum):
    """sentence-transformers' names."""

    CLS = "cls"
    MEAN = "mean"
    MAX = "max"


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """Names and meaning are those of Hugging Face's BertConfig."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    max_position_embeddings: int
    type_vocab_size: int = 2
    layer_norm_eps: float = 1e-12
    hidden_act: str = "gelu"

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if self.num_attention_heads < 1 or self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} must be a multiple of num_attention_heads {self.num_attention_heads}"
            )


class Embeddings(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)

    def forward(self, input_ids: Tensor, token_type_ids: Tensor) -> Tensor:
        positions = self.position_embeddings.weight[: input_ids.shape[1]]
        words, types = self.word_embeddings(input_ids), self.token_type_embeddings(token_type_ids)
        out: Tensor = self.LayerNorm(words + types + positions)
        return out


class SelfAttention(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.heads = config.num_attention_heads
        self.query, self.key, self.value = (nn.Linear(config.hidden_size, config.hidden_size) for _ in range(3))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        queries, keys, values = (
            part(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        return scaled_dot_product_attention(queries, keys, values, attn_mask=mask).transpose(1, 2).flatten(2)


class Added(nn.Module):
    """A product that is added to what went in before, and normed."""

    def __init__(self, width: int, config: EncoderConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(width, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        out: Tensor = self.LayerNorm(self.dense(x) + before)
        return out


class Layer(nn.Module):
    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.attention = nn.ModuleDict({"self": SelfAttention(config), "output": Added(config.hidden_size, config)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(config.hidden_size, config.intermediate_size)})
        self.output = Added(config.intermediate_size, config)
        self.activation = ACTIVATIONS[config.hidden_act]

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.attention["output"](self.attention["self"](x, mask), x)
        out: Tensor = self.output(self.activation(self.intermediate["dense"](x)), x)
        return out


class Encoder(nn.Module):
    """Tokens [B, S] -> what is made of each in the company of the others, [B, S, hidden]. The mask is 1 where there is
    text, 0 where a row is filled up."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = Embeddings(config)
        layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.encoder = nn.ModuleDict({"layer": layers})

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        x: Tensor = self.embeddings(input_ids, token_type_ids)
        # Not minus infinity: a row without any text would have no numbers.
        mask = (1 - attention_mask[:, None, None, :].to(x.dtype)) * torch.finfo(x.dtype).min
        for layer in cast(Iterable[Layer], self.encoder["layer"]):
            x = layer(x, mask)
        return x


class TextEmbedder(nn.Module):
    """Tokens [B, S] -> embeddings [B, hidden], of length 1 where `normalised`."""

    def __init__(self, config: EncoderConfig, pooling: Pooling, normalised: bool) -> None:
        super().__init__()
        self.bert = Encoder(config)
        self.pooling = pooling
        self.normalised = normalised

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        pooled = self._pooled(self.bert(input_ids, attention_mask, token_type_ids), attention_mask[:, :, None])
        return normalize(pooled, dim=-1) if self.normalised else pooled

    def _pooled(self, x: Tensor, mask: Tensor) -> Tensor:
        if self.pooling == Pooling.CLS:
            return x[:, 0]
        if self.pooling == Pooling.MAX:
            return x.masked_fill(mask == 0, -1e9).amax(1)
        return (x * mask).sum(1) / mask.sum(1).clamp(min=1)


class TextClassifier(nn.Module):
    """Tokens [B, S] -> probabilities [B, labels], which are each one's own where labels are `independent`."""

    def __init__(self, config: EncoderConfig, labels: int, independent: bool) -> None:
        super().__init__()
        self.bert = Encoder(config)
        self.pooler = nn.ModuleDict({"dense": nn.Linear(config.hidden_size, config.hidden_size)})
        self.classifier = nn.Linear(config.hidden_size, labels)
        self.independent = independent

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        logits = self.logits(input_ids, attention_mask, token_type_ids)
        return logits.sigmoid() if self.independent else logits.softmax(-1)

    def logits(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        first = self.bert(input_ids, attention_mask, token_type_ids)[:, 0]
        found: Tensor = self.classifier(torch.tanh(self.pooler["dense"](first)))
        return found


class FilledTexts(nn.Module):
    """Tokens [B, S], where `NOTHING` fills up what is shorter -> logits [B, labels]: a classifier as it is trained, on
    one text a row."""

    def __init__(self, config: EncoderConfig, labels: int) -> None:
        super().__init__()
        self.classifier = TextClassifier(config, labels, independent=False)
        self.apply(_initialise)

    def forward(self, tokens: Tensor) -> Tensor:
        mask = (tokens != NOTHING).to(tokens.dtype)
        return self.classifier.logits(tokens, mask, torch.zeros_like(tokens))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=_EMBEDDING_DEVIATION)
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=module.in_features**-0.5)
        nn.init.zeros_(module.bias)
