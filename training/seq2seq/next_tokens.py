"""What a model foretells of answers that are known, and what it writes where it is left alone.

Rule: who finds each token of an answer likeliest after the right ones before it writes the whole answer.
"""

import torch
from torch import Tensor, nn

from training.models.seq2seq import Seq2seq
from training.seq2seq.tokenizer import BEGIN_ID, END_ID


class NextTokens(nn.Module):
    """Texts [rows, s] and answers [rows, n + 1], with what begins them -> of all but the first token of each answer how
    likely it was, as a logarithm, float32 [rows, n], and which was likeliest, int64 [rows, n]."""

    def __init__(self, model: Seq2seq) -> None:
        super().__init__()
        self.model = model

    def forward(self, texts: Tensor, answers: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.model(texts, answers[:, :-1])
        return logits.log_softmax(-1).gather(-1, answers[:, 1:, None])[..., 0], logits.argmax(-1)


def written_by(model: Seq2seq, texts: Tensor, most: int) -> list[list[int]]:
    """The likeliest token after the other, up to the end, and so many at most."""
    answers = torch.full((len(texts), 1), BEGIN_ID)
    with torch.inference_mode():
        for _ in range(most):
            answers = torch.cat((answers, model(texts, answers)[:, -1:].argmax(-1)), 1)
            if bool((answers == END_ID).any(1).all()):
                break
    return [row[: row.index(END_ID)] if END_ID in row else row for row in answers[:, 1:].tolist()]
