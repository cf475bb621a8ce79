"""Texts and their answers, and how they part into those to learn from, to validate with and to test on.

Rule: a text decides its own side, whatever its answer; of texts that differ in white space and case alone none are on
both sides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from training.data.card import Card
from training.data.splits import NAMES, split_of, unique


@dataclass(frozen=True, slots=True)
class Pair:
    text: str
    answer: str


@dataclass(frozen=True, slots=True)
class PairSplits:
    """`folds`: capitals and accents of texts make no difference. `groups`, by column, tell each test pair's."""

    train: tuple[Pair, ...]
    validation: tuple[Pair, ...]
    test: tuple[Pair, ...]
    card: Card
    folds: bool = False
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def sides(pairs: Sequence[Pair], folds: bool) -> tuple[dict[str, list[int]], dict[str, int]]:
    """The numbers of the pairs of each side, and how many are on none, by reason: of pairs that come twice the first is
    kept, of texts with two answers none is."""
    folded = [" ".join(pair.text.split()).casefold().encode() for pair in pairs]
    keys = folded if folds else [pair.text.encode() for pair in pairs]
    numbers = {answer: number for number, answer in enumerate(dict.fromkeys(pair.answer for pair in pairs))}
    kept, dropped = unique(keys, [numbers[pair.answer] for pair in pairs])
    chosen: dict[str, list[int]] = {name: [] for name in NAMES}
    for row in kept:
        chosen[split_of(folded[row])].append(row)
    return chosen, {_REASONS.get(reason, reason): count for reason, count in dropped.items()}


_REASONS = {"contradicting labels": "of a text with two answers"}
