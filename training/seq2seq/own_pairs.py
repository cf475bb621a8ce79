"""Texts and answers of a user's own, from two columns of a table.

Rule: what is left out is counted by its reason.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.data import tables
from training.data.card import Card
from training.data.pairs import Pair, PairSplits, sides
from training.errors import InvalidConfig, InvalidData
from training.kind import spread
from training.seq2seq.batches import Tokens, tokens_of
from training.tabular.groups import groups_of

_MOST_TESTED = 10_000


def read(path: Path, source: str, target: str, slices: Sequence[str], folds: bool, most: tuple[int, int]) -> PairSplits:
    """`source` and `target` are columns; texts have `most` bytes at most, and answers so many. Raises `InvalidData`,
    `InvalidConfig`."""
    if source == target:
        raise InvalidConfig(
            f"data.source and data.target are both '{source}'; name the column of texts, and that of answers"
        )
    frame = tables.read(path, (source, target, *slices))
    texts, answers = ([it.strip() for it in tables.texts(path, frame[name])] for name in (source, target))
    pairs = [Pair(text, answer) for text, answer in zip(texts, answers, strict=True)]
    reasons = [_reason(tokens, most) for tokens in tokens_of(pairs, folds)]
    usable = [row for row, reason in enumerate(reasons) if not reason]
    chosen, dropped = sides([pairs[row] for row in usable], folds)
    rows = {side: [usable[place] for place in places] for side, places in chosen.items()}
    dropped = {**{reason: reasons.count(reason) for reason in reasons if reason}, **dropped}
    card = Card(str(path), len(pairs), dropped, {side: len(places) for side, places in rows.items()}, notes=_NOTES)
    for side, count in card.kept.items():
        if not count:
            raise InvalidData(_too_few(card, side))
    rows["test"] = [rows["test"][place] for place in spread(len(rows["test"]), _MOST_TESTED)]
    groups = groups_of(frame, slices, np.array(rows["train"]))
    return PairSplits(
        **{side: tuple(pairs[row] for row in places) for side, places in rows.items()},
        card=card,
        folds=folds,
        groups={name: tuple(of_rows[row] for row in rows["test"]) for name, of_rows in groups.items()},
    )


_NOTES = ("answers that several texts have may be on both sides of the split", f"{_MOST_TESTED:,} are tested at most")


def _reason(tokens: Tokens, most: tuple[int, int]) -> str:
    """Why it can't be learnt from; "" where it can."""
    for part, size, name, option in zip((tokens.text, tokens.answer), most, _PARTS, _LIMITS, strict=True):
        if not part:
            return f"without {name}"
        if len(part) > size:
            return f"longer than {option}, {size} bytes"
    return ""


_PARTS = ("a text", "an answer")
_LIMITS = ("data.max_source", "data.max_target")


def _too_few(card: Card, side: str) -> str:
    left = ", ".join(f"{count:,} {reason}" for reason, count in card.dropped.items()) or "nothing"
    kept = sum(card.kept.values())
    return (
        f"{card.source}: of {card.read:,} pairs {kept:,} are left ({left} left out), and none of them came to the "
        f"{side} split; give more of them"
    )
