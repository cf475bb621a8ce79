import math

import pytest
import torch
from torch import Tensor, nn

from training.language.evaluate import LanguageEvaluation, evaluate


class Next(nn.Module):
    """Foretells for each token the one that is higher by one, with so much certainty, and notes what it was given."""

    def __init__(self, vocab: int, certainty: float) -> None:
        super().__init__()
        self.vocab = vocab
        self.certainty = certainty
        self.seen: list[int] = []

    def forward(self, tokens: Tensor) -> Tensor:
        self.seen += tokens[0].tolist()
        return nn.functional.one_hot((tokens + 1) % self.vocab, self.vocab) * self.certainty


@pytest.mark.parametrize("context", [2, 7, 10, 100])
def test_every_token_but_the_first_is_foretold_once(context: int) -> None:
    model = Next(5, 0.0)
    stream = torch.arange(21) % 5
    found = evaluate(model, stream, context)

    assert model.seen == stream[:-1].tolist()
    assert found.tokens == 20
    assert found.loss == pytest.approx(math.log(5))
    assert found.perplexity == pytest.approx(5)


def test_a_model_that_knows_loses_nothing() -> None:
    assert evaluate(Next(5, 50.0), torch.arange(21) % 5, 4).loss == pytest.approx(0, abs=1e-6)
    assert evaluate(Next(5, 50.0), torch.arange(21).flip(0) % 5, 4).loss > 10


def test_of_very_many_tokens_evenly_spread_windows_are_read() -> None:
    model = Next(5, 0.0)
    found = evaluate(model, torch.arange(21) % 5, 4, most=8)

    assert model.seen == [0, 1, 2, 3, 1, 2, 3, 4]
    assert found.tokens == 8


def test_a_perplexity_beyond_numbers_is_infinite() -> None:
    assert LanguageEvaluation(nats=1e6, tokens=1).perplexity == math.inf
