"""The label that a sentence names: `a seven, please` names `seven`.

Rule: whole words count, whatever their case; a label may have several names, with commas between them.
"""

import re
from collections import defaultdict
from collections.abc import Sequence

_WORD = re.compile(r"[^\W_]+")


def names(label: str) -> list[str]:
    """`tench, Tinca tinca` has two."""
    return [name.strip() for name in label.split(",") if name.strip()]


def named(sentence: str, labels: Sequence[str]) -> list[int]:
    """The numbers of the labels that the sentence names, each once; a name inside a longer one is not meant: `hot dog`
    is no dog."""
    whole = [number for number, label in enumerate(labels) if sentence.strip() in (label, *names(label))]
    if whole:
        return whole[:1]
    return sorted(_inside(_words(sentence), labels))


def _inside(words: Sequence[str], labels: Sequence[str]) -> set[int]:
    """The longest names first, in time that grows with the words, of which a caller may send many."""
    numbers = _by_words(labels)
    found: set[int] = set()
    taken = bytearray(len(words))
    for length in sorted({len(wanted) for wanted in numbers if wanted}, reverse=True):
        places = [at for at in range(len(words) - length + 1) if tuple(words[at : at + length]) in numbers]
        for at in [at for at in places if not any(taken[at : at + length])]:
            found.update(numbers[tuple(words[at : at + length])])
        for at in places:
            taken[at : at + length] = b"\1" * length
    return found


def _by_words(labels: Sequence[str]) -> dict[tuple[str, ...], list[int]]:
    numbers: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for number, label in enumerate(labels):
        for wanted in map(_words, names(label)):
            numbers[tuple(wanted)].append(number)
    return numbers


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
