"""Texts, named or not, and how they part into those to learn from, to validate with and to test on.

Rule: a name's hash decides its side, or a text's own where it has no name; what is held out shares no paragraph with
what is learnt from.
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from training.data.card import Card
from training.data.splits import NAMES, share_of

_FEWEST_WORDS = 4  # of a paragraph that says where it is from; "For example:" may stand on both sides
_BETWEEN = re.compile(r"(\n\s*\n)")


@dataclass(frozen=True, slots=True)
class Document:
    """`name` is what someone would ask for, if anyone would, `text` what they would read; where it is cut off,
    another one goes on."""

    name: str
    text: str
    is_cut_off: bool = False


@dataclass(frozen=True, slots=True)
class Documents:
    """`held_out` is the share of them that is not learnt from; `dropped` counts what was left out before, by reason."""

    source: str
    documents: tuple[Document, ...]
    held_out: float
    dropped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentSplits:
    train: tuple[Document, ...]
    validation: tuple[Document, ...]
    test: tuple[Document, ...]
    card: Card


def split(given: Documents) -> DocumentSplits:
    """In the order they come. Of texts that differ in spaces and punctuation only, the first is kept."""
    kept, dropped = _without_repeats(given.documents)
    sides = {side: [it for it in kept if _side(it, given.held_out) == side] for side in NAMES}
    learnt: set[str] = set()
    parts: dict[str, tuple[Document, ...]] = {}
    for side, documents in sides.items():
        parts[side] = tuple(it for it in (_without(it, learnt) for it in documents) if _words(it.text))
        learnt.update(*(paragraphs(document.text) for document in parts[side]))
    counts = {side: len(documents) for side, documents in parts.items()}
    dropped["of nothing but paragraphs that others have"] = len(kept) - sum(counts.values())
    reasons = {reason: count for reason, count in {**given.dropped, **dropped}.items() if count}
    read = len(given.documents) + sum(given.dropped.values())
    return DocumentSplits(**parts, card=Card(given.source, read, reasons, counts, notes=given.notes))


def paragraphs(text: str) -> set[str]:
    """As their words alone; those of a few words, which anyone may write, are left out."""
    return {words for part in _BETWEEN.split(text) if _tells(words := _words(part))}


def _without_repeats(documents: Sequence[Document]) -> tuple[list[Document], dict[str, int]]:
    """And how many were dropped for which reason."""
    first: dict[str, Document] = {}
    wordless = 0
    for document in documents:
        words = _words(document.text)
        if words:
            first.setdefault(words, document)
        else:
            wordless += 1
    dropped = {"duplicate": len(documents) - wordless - len(first), "without a word": wordless}
    return list(first.values()), dropped


def _without(document: Document, learnt: Set[str]) -> Document:
    """What is left of it where others have some of its paragraphs; it counts as empty where it has no words then."""
    if learnt.isdisjoint(paragraphs(document.text)):
        return document
    return replace(document, text="".join(_unknown(document.text, learnt)).strip("\n"))


def _unknown(text: str, learnt: Set[str]) -> Iterator[str]:
    """Of its paragraphs, each with what comes before it."""
    before, *rest = ("", *_BETWEEN.split(text))
    for paragraph, after in zip(rest[::2], [*rest[1::2], ""], strict=True):
        if _words(paragraph) not in learnt:
            yield before + paragraph
        before = after


def _tells(words: str) -> bool:
    return words.count(" ") >= _FEWEST_WORDS - 1


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _side(document: Document, held_out: float) -> str:
    """The lower half of the share that is held out is the test."""
    share = share_of((document.name or _words(document.text)).encode("utf-8", "surrogatepass"))
    return "train" if share >= held_out else "validation" if share >= held_out / 2 else "test"
