"""How a model that transcribes is trained: with CTC, on recordings of about equal length together.

Rule: the batches of a pass come in any order, and each recording once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from serving.audio import ctc
from training.device import device_of
from training.models.transcriber import Transcriber, best
from training.speech.letters import classes_of
from training.speech.score import scores
from training.speech.utterances import Speech, Utterances
from training.task import of_pass

_JUMBLED = 0.2  # of a length, by which recordings that are put beside one another may differ
_HEARD_AT_ONCE = 32  # rows, when it is looked how well the model does


class Batch(NamedTuple):
    """`audio` float32 [N, S], `lengths` int64 [N, 1]; `classes` int64, of all rows one behind the other, `counts` int64
    [N]."""

    audio: Tensor
    lengths: Tensor
    classes: Tensor
    counts: Tensor


@dataclass(frozen=True, slots=True)
class Evaluation:
    loss: float
    scores: Mapping[str, float]


@dataclass(frozen=True)
class SpeechTask:
    first: Callable[[], Transcriber]
    data: Speech

    def build(self) -> nn.Module:
        return self.first()

    def order(self, number: int, seed: int, batch_size: int) -> Sequence[Tensor]:
        chance = of_pass(number, seed)
        lengths = self.data.train.lengths
        jumbled = lengths * (1 + _JUMBLED * torch.rand(len(lengths), generator=chance))
        batches = torch.split(jumbled.argsort(stable=True), batch_size)
        return [batches[place] for place in torch.randperm(len(batches), generator=chance).tolist()]

    def batch(self, rows: Tensor, device: str) -> Batch:
        return self._batch(self.data.train, rows, device)

    def weight(self, batch: Batch) -> int:
        return len(batch.counts)

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        found, frames = model(batch.audio, batch.lengths)
        return _loss(found, frames, batch)

    @torch.inference_mode()
    def evaluate(self, model: nn.Module) -> Evaluation:
        model.eval()
        device = device_of(model)
        split, loss, heard = self.data.validation, 0.0, []
        for rows in torch.split(torch.arange(len(split)), _HEARD_AT_ONCE):
            batch = self._batch(split, rows, device)
            found, frames = model(batch.audio, batch.lengths)
            loss += _loss(found, frames, batch).item() * len(rows)
            heard += [ctc.text(row, self.data.facts["labels"]) for row in best(found, frames).cpu().numpy()]
        return Evaluation(loss / len(split), scores(heard, split.texts))

    def _batch(self, split: Utterances, rows: Tensor, device: str) -> Batch:
        audio, lengths = split.filled(rows)
        classes = [self._classes[split.texts[row]] for row in rows.tolist()]
        counts = torch.tensor([len(each) for each in classes])
        return Batch(audio.to(device), lengths.to(device), torch.cat(classes), counts)

    @cached_property
    def _classes(self) -> Mapping[str, Tensor]:
        texts = {*self.data.train.texts, *self.data.validation.texts}
        return {text: classes_of(text, self.data.facts["labels"]) for text in texts}


def _loss(found: Tensor, frames: Tensor, batch: Batch) -> Tensor:
    """On the CPU, as a GPU's sums come in any order."""
    return functional.ctc_loss(
        found.float().transpose(0, 1).cpu(), batch.classes, frames.cpu(), batch.counts, ctc.BLANK, zero_infinity=True
    )
