"""Pairs as tokens, and as rows that are measured. Rule: what fills a row up counts nowhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.config import check
from training.data.card import Card
from training.data.fingerprint import fingerprint
from training.data.pairs import PairSplits
from training.kind import Rows
from training.losses import IGNORED
from training.models.seq2seq import PAD
from training.seq2seq.batches import Tokens, batch, tokens_of
from training.seq2seq.tokenizer import END_ID

READ, WRITTEN, WANTED = "text", "answer", "wanted"


@dataclass(frozen=True, slots=True, eq=False)
class AnswerData:
    """`groups`, by column, tell each test pair's."""

    train: Sequence[Tokens]
    validation: Sequence[Tokens]
    test: Sequence[Tokens]
    card: Card
    facts: Mapping[str, Any]
    groups: Mapping[str, tuple[str, ...]]

    def fingerprint(self) -> str:
        sides = (self.train, self.validation, self.test)
        arrays = (np.array(part) for side in sides for pair in side for part in (pair.text, pair.answer))
        return fingerprint(arrays, repr([len(side) for side in sides]))


def prepared(splits: PairSplits, most: tuple[int, int]) -> AnswerData:
    """Texts have `most` tokens at most, and answers so many. Raises `InvalidConfig` where there are longer ones."""
    train, validation, test = (
        tokens_of(pairs, splits.folds) for pairs in (splits.train, splits.validation, splits.test)
    )
    every = (*train, *validation, *test)
    longest = max(len(it.text) for it in every), max(len(it.answer) for it in every)
    for name, size, wanted in zip(("max_source", "max_target"), most, longest, strict=True):
        check(f"data.{name}", size, size >= wanted, f"at least {wanted}, as there are such long ones")
    facts = {"folds": splits.folds, "positions": sum(most) + 1}
    return AnswerData(train, validation, test, splits.card, facts, splits.groups)


def rows(pairs: Sequence[Tokens]) -> Rows:
    """Answers have what begins them, and their end; the next of each of their tokens is wanted."""
    made = batch(pairs)
    answers, wanted = made.answers.numpy(), made.wanted.numpy()
    last = np.full((len(pairs), 1), END_ID)
    return Rows({READ: made.texts.numpy(), WRITTEN: np.concatenate((answers, last), 1)}, {WANTED: wanted})


def pairs_of(rows: Rows) -> list[Tokens]:
    texts, wanted = (array.tolist() for array in (rows.inputs[READ], rows.truths[WANTED]))
    return [
        Tokens([token for token in text if token != PAD], [token for token in answer if token not in (IGNORED, END_ID)])
        for text, answer in zip(texts, wanted, strict=True)
    ]
