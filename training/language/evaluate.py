"""How well a model foretells text that it was not trained on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from training.device import device_of


@dataclass(frozen=True, slots=True)
class LanguageEvaluation:
    """`nats` is the sum over all tokens but the first, which nothing foretells."""

    nats: float
    tokens: int

    @property
    def loss(self) -> float:
        return self.nats / self.tokens

    @property
    def perplexity(self) -> float:
        """Of a token; infinite where the loss is beyond what a float can say."""
        return math.exp(self.loss) if self.loss < 700 else math.inf

    @property
    def scores(self) -> Mapping[str, float]:
        return {"perplexity": self.perplexity}

    def bits_per_byte(self, size: int) -> float:
        """Of the text, `size` bytes long, whose tokens these are: comparable whatever the tokenizer."""
        return self.nats / math.log(2) / size


def evaluate(model: nn.Module, tokens: Tensor, context: int) -> LanguageEvaluation:
    """`model` gives logits [1, n, vocab]; `tokens` int64 [at least 2] is read in windows. Left in evaluation mode."""
    model.eval()
    tokens = tokens.to(device_of(model))
    with torch.inference_mode():
        nats = sum(_nats(model, tokens[start : start + context + 1]) for start in range(0, len(tokens) - 1, context))
    return LanguageEvaluation(nats, len(tokens) - 1)


def _nats(model: nn.Module, window: Tensor) -> float:
    return cross_entropy(model(window[None, :-1])[0], window[1:], reduction="sum").item()
