"""How well a model answers texts that it was not trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy

from training.device import device_of
from training.losses import IGNORED
from training.models.seq2seq import Seq2seq
from training.seq2seq.batches import Tokens, batch

_ROWS = 256  # at a time


@dataclass(frozen=True, slots=True)
class AnswerEvaluation:
    """`loss` in nats per token; `exact_match` is the share of answers that are right to the last token."""

    loss: float
    exact_match: float

    @property
    def scores(self) -> Mapping[str, float]:
        return {"exact_match": self.exact_match}


def evaluate(model: Seq2seq, rows: Sequence[Tokens]) -> AnswerEvaluation:
    """Who finds each token of an answer likeliest after the right ones before it writes the whole answer, so that
    nothing need be written one by one. The model is left in evaluation mode."""
    model.eval()
    device = device_of(model)
    nats, tokens, right = 0.0, 0, 0
    with torch.inference_mode():
        for start in range(0, len(rows), _ROWS):
            given = batch(rows[start : start + _ROWS]).to(device)
            logits, is_nothing = model(given.texts, given.answers), given.wanted == IGNORED
            nats += cross_entropy(logits.flatten(0, 1), given.wanted.flatten(), reduction="sum").item()
            tokens += int((~is_nothing).sum())
            right += int(((logits.argmax(-1) == given.wanted) | is_nothing).all(1).sum())
    return AnswerEvaluation(nats / tokens, right / len(rows))
