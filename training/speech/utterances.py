"""Recordings and what is said in them, as those to train on, to validate with, and to test on.

Rule: samples are of 16 bits, as files have them, so that a file that is written and read again is the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.data.card import Card
from training.data.fingerprint import fingerprint

SCALE = 2**15
"""A sample of 1.0."""

TEST_BYTES = 2**30
CALIBRATION_BYTES = 2**28
"""Of rows as a model hears them, all as long as the longest; more are not made."""


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """`samples` int16; `speaker` is "" where nobody knows."""

    samples: np.ndarray
    text: str
    speaker: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Utterances:
    """`samples` int16, of all one behind the other; `lengths` int64 [rows]."""

    samples: Tensor
    lengths: Tensor
    texts: tuple[str, ...]

    @classmethod
    def of(cls, utterances: Iterable[Utterance]) -> "Utterances":
        rows = list(utterances)
        samples = np.concatenate([np.empty(0, np.int16), *(row.samples for row in rows)])
        lengths = torch.tensor([len(row.samples) for row in rows], dtype=torch.int64)
        return cls(torch.from_numpy(samples), lengths, tuple(row.text for row in rows))

    def __len__(self) -> int:
        return len(self.texts)

    def within(self, size: int) -> Tensor:
        """Rows that have at most so many bytes when they are `filled`, at least one, evenly spread over all."""
        each = 4 * max(1, int(self.lengths.max()))
        count = min(len(self), max(1, size // each))
        return torch.arange(count) * len(self) // count

    def filled(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Those `rows` as a model hears them, float32 [N, longest], with zeros behind their ends, and int64 [N, 1]."""
        lengths = self.lengths[rows]
        begins = (self.lengths.cumsum(0) - self.lengths)[rows]
        audio = torch.zeros(len(rows), int(lengths.max()))
        for row, (begin, length) in enumerate(zip(begins.tolist(), lengths.tolist(), strict=True)):
            audio[row, :length] = self.samples[begin : begin + length] / SCALE
        return audio, lengths.unsqueeze(1)


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """`facts` are the `labels` of the classes, of which the first is the blank, and the `sample_rate`."""

    train: Utterances
    validation: Utterances
    test: Utterances
    facts: Mapping[str, Any]
    card: Card

    def fingerprint(self) -> str:
        splits = (self.train, self.validation, self.test)
        beside = repr([sorted(self.facts.items()), *(split.texts for split in splits)])
        return fingerprint((tensor.numpy() for split in splits for tensor in (split.samples, split.lengths)), beside)


def sixteen_bits(samples: np.ndarray) -> np.ndarray:
    """Of float samples from -1 to 1, as int16; what is louder is cut."""
    whole: np.ndarray = np.clip(np.rint(samples * SCALE), -SCALE, SCALE - 1).astype(np.int16)
    return whole
