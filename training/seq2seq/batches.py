"""Pairs of texts and answers as tensors, a batch at a time.

Rule: texts are filled up on the left, so that each ends where its answer begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training.data.pairs import Pair
from training.losses import IGNORED
from training.models.seq2seq import PAD
from training.seq2seq.tokenizer import BEGIN_ID, END_ID, byte_tokenizer, encoded


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """`texts` int64 [B, S]; `answers` [B, T], what precedes each token of `wanted` [B, T], which the end is part of."""

    texts: Tensor
    answers: Tensor
    wanted: Tensor

    def to(self, device: str) -> "Batch":
        return Batch(self.texts.to(device), self.answers.to(device), self.wanted.to(device))


@dataclass(frozen=True, slots=True)
class Tokens:
    """Of a pair."""

    text: list[int]
    answer: list[int]


def tokens_of(pairs: Sequence[Pair], folds: bool) -> list[Tokens]:
    """Answers are taken as they are, whether texts fold or not."""
    texts = encoded(byte_tokenizer(folds), [pair.text for pair in pairs])
    answers = encoded(byte_tokenizer(False), [pair.answer for pair in pairs])
    return [Tokens(text, answer) for text, answer in zip(texts, answers, strict=True)]


def batch(rows: Sequence[Tokens]) -> Batch:
    read, written = max(len(row.text) for row in rows), max(len(row.answer) for row in rows) + 1
    texts = [[PAD] * (read - len(row.text)) + row.text for row in rows]
    answers = [[BEGIN_ID, *row.answer] + [END_ID] * (written - 1 - len(row.answer)) for row in rows]
    wanted = [[*row.answer, END_ID] + [IGNORED] * (written - 1 - len(row.answer)) for row in rows]
    return Batch(torch.tensor(texts), torch.tensor(answers), torch.tensor(wanted))
