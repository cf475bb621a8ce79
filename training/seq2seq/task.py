"""How a model that answers texts is trained: on pairs, those of a batch about as long as one another.

Rule: what is held out decides nothing, it is only told.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from training.losses import IGNORED
from training.models.seq2seq import Seq2seq
from training.seq2seq.batches import Batch, Tokens, batch
from training.seq2seq.evaluate import AnswerEvaluation, evaluate
from training.task import of_pass

_NEIGHBOURS = 16  # batches, among which texts are sorted by their length


@dataclass(frozen=True, slots=True)
class AnswerTask:
    first: Callable[[], Seq2seq]
    rows: Sequence[Tokens]
    held_out: Sequence[Tokens]

    def build(self) -> nn.Module:
        return self.first()

    def order(self, number: int, seed: int, batch_size: int) -> Sequence[Tensor]:
        generator = of_pass(number, seed)
        numbers: list[int] = torch.randperm(len(self.rows), generator=generator).tolist()
        batches: list[Tensor] = []
        for start in range(0, len(numbers), batch_size * _NEIGHBOURS):
            near = sorted(numbers[start : start + batch_size * _NEIGHBOURS], key=lambda it: len(self.rows[it].text))
            firsts = range(0, len(near), batch_size)
            shuffled = torch.randperm(len(firsts), generator=generator).tolist()
            batches += [torch.tensor(near[firsts[it] : firsts[it] + batch_size]) for it in shuffled]
        return batches

    def batch(self, rows: Tensor, device: str) -> Batch:
        return batch([self.rows[row] for row in rows.tolist()]).to(device)

    def weight(self, batch: Batch) -> int:
        return int((batch.wanted != IGNORED).sum())

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        return cross_entropy(model(batch.texts, batch.answers).flatten(0, 1), batch.wanted.flatten())

    def evaluate(self, model: nn.Module) -> AnswerEvaluation:
        assert isinstance(model, Seq2seq)
        return evaluate(model, self.held_out)
