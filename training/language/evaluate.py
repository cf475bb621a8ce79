"""How well a model foretells text that it was not trained on."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from training.device import device_of
from training.kind import spread
from training.language.data import MOST_TOKENS


@dataclass(frozen=True, slots=True)
class LanguageEvaluation:
    """`nats` is the sum over `tokens` that were foretold."""

    nats: float
    tokens: int

    @property
    def loss(self) -> float:
        return self.nats / self.tokens

    @property
    def perplexity(self) -> float:
        """Of a token; infinite where the loss is beyond what a float can say."""
        return perplexity(self.loss)

    @property
    def scores(self) -> Mapping[str, float]:
        return {"perplexity": self.perplexity}


def perplexity(loss: float) -> float:
    return math.exp(loss) if loss < 700 else math.inf


def evaluate(model: nn.Module, tokens: Tensor, context: int, most: int = MOST_TOKENS) -> LanguageEvaluation:
    """`model` gives logits [1, n, vocab]; `tokens` int64 [at least 2] is read in windows, evenly spread ones where
    there are more than `most`. All tokens are foretold but the first, which nothing foretells. Left in evaluation mode.
    """
    model.eval()
    tokens = tokens.to(device_of(model))
    starts = range(0, len(tokens) - 1, context)
    chosen = [starts[place] for place in spread(len(starts), max(1, most // context))]
    windows = [tokens[start : start + context + 1] for start in chosen]
    with torch.inference_mode():
        return LanguageEvaluation(sum(_nats(model, it) for it in windows), sum(len(it) - 1 for it in windows))


def _nats(model: nn.Module, window: Tensor) -> float:
    return cross_entropy(model(window[None, :-1])[0], window[1:], reduction="sum").item()
