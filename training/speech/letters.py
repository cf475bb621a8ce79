"""Texts as the characters that a model hears.

Rule: only what can be heard is kept: letters, digits and apostrophes, in lower case, with a gap between words.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from serving.audio.ctc import GAP

BLANK = "<blank>"

_HEARD = ("L", "M", "N")  # of Unicode's categories: letters, what is set above them, digits
_APOSTROPHES = str.maketrans("\u2019\u2018\u00b4`", "''''")  # as they are typed


def plain(text: str) -> str:
    """Such as `don't stop` for `Don’t—STOP!`; "" where nothing can be heard."""
    lower = unicodedata.normalize("NFKC", text).lower().translate(_APOSTROPHES)
    heard = (each if each == "'" or unicodedata.category(each)[0] in _HEARD else " " for each in lower)
    words = (word.strip("'") for word in "".join(heard).split())
    return " ".join(filter(None, words))


def labels_of(texts: Iterable[str]) -> list[str]:
    """The classes of a model that hears them."""
    return [BLANK, GAP, *sorted(set("".join(texts)) - {" "})]


def classes_of(text: str, labels: Sequence[str]) -> Tensor:
    """Int64 [characters]."""
    numbers = {label: number for number, label in enumerate(labels)}
    return torch.tensor([numbers[GAP if each == " " else each] for each in text], dtype=torch.int64)


def frames_needed(text: str) -> int:
    """Of two equal characters one after the other, a blank must lie between."""
    return len(text) + sum(first == second for first, second in pairwise(text))
