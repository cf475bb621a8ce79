"""How well texts were heard. Rule: of 1, more is better."""

from collections.abc import Mapping, Sequence


def scores(heard: Sequence[str], said: Sequence[str]) -> Mapping[str, float]:
    """`word_accuracy` is 1 less the word error rate, and 0 where that is above 1; `exact` is the share of texts without
    a fault."""
    errors = sum(distance(first.split(), second.split()) for first, second in zip(heard, said, strict=True))
    words = sum(len(text.split()) for text in said)
    exact = sum(first == second for first, second in zip(heard, said, strict=True))
    return {"word_accuracy": max(0.0, 1 - errors / words), "exact": exact / len(said)}


def distance(heard: Sequence[str], said: Sequence[str]) -> int:
    """The fewest words to put in, leave out or replace. Source: Levenshtein, 1966."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(heard, 1):
            replaced = before + (word != other)
            before = row[place]
            row[place] = min(replaced, before + 1, row[place - 1] + 1)
    return row[-1]
