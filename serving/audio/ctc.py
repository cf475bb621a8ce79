"""What a model heard in each frame becomes words.

Source: Connectionist Temporal Classification, Graves et al., 2006. Rule: class 0 is nothing; a class counts once for
each run of frames that has it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from serving.errors import BackendFailed

BLANK = 0
GAP = "|"
"""The label of the class between words, as wav2vec2's vocabularies have it."""

_WORD_BEGINS = "▁"  # as SentencePiece's have it


@dataclass(frozen=True, slots=True)
class Heard:
    """A word, and its first frame and the one behind its last."""

    word: str
    begin: int
    end: int


def text(classes: np.ndarray, labels: Sequence[str]) -> str:
    return " ".join(heard.word for heard in words(classes, labels))


def words(classes: np.ndarray, labels: Sequence[str]) -> list[Heard]:
    """Of one row, int [frames]. Raises `BackendFailed` for classes that have no label."""
    found: list[tuple[list[str], int, int]] = []
    is_open = False
    for number, begin, end in runs(classes):
        piece = _piece(number, labels)
        is_open = is_open and not piece.startswith(" ")
        for position, word in enumerate(piece.split()):
            if is_open and not position:
                pieces, first, _ = found[-1]
                pieces.append(word)
                found[-1] = pieces, first, end
            else:
                found.append(([word], begin, end))
        is_open = not piece.endswith(" ") and (is_open or bool(piece))
    return [Heard("".join(pieces), begin, end) for pieces, begin, end in found]


def runs(classes: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """Each class but the blank, its first frame and the one behind its last."""
    begins = np.flatnonzero(np.diff(classes, prepend=-1))
    for number, (begin, end) in zip(classes[begins].tolist(), pairwise([*begins.tolist(), len(classes)]), strict=True):
        if number != BLANK:
            yield number, begin, end


def _piece(number: int, labels: Sequence[str]) -> str:
    if not 0 <= number < len(labels):
        raise BackendFailed(f"the model answered class {number}, and has labels for {len(labels)} classes")
    return " " if labels[number] == GAP else labels[number].replace(_WORD_BEGINS, " ")
