"""Named texts, and how they part into those to learn from and those held out.

Rule: a name's hash decides its side, and what is held out shares no paragraph with what is learnt from.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_HELD_OUT = 0.05  # of all names
_FEWEST_WORDS = 4  # of a paragraph that says where it is from; "For example:" may stand on both sides


@dataclass(frozen=True, slots=True)
class Document:
    """`name` is what someone would ask for, `text` what they would read."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class DocumentSplits:
    train: tuple[Document, ...]
    held_out: tuple[Document, ...]

    def fingerprint(self) -> str:
        """sha256 over every name and text: equal only for the same documents, split and ordered the same way."""
        digest = hashlib.sha256()
        for documents in (self.train, self.held_out):
            for part in (text for document in documents for text in (document.name, document.text)):
                digest.update(f"{len(part)}:{part}".encode())
            digest.update(b"/")
        return digest.hexdigest()


def split(documents: Iterable[Document]) -> DocumentSplits:
    """In the order they come. Of texts that differ in spaces and punctuation only, the first is kept."""
    kept = tuple(_without_repeats(documents))
    train = tuple(document for document in kept if not _is_held_out(document.name))
    learnt = {paragraph for document in train for paragraph in paragraphs(document.text)}
    held_out = (document for document in kept if _is_held_out(document.name))
    return DocumentSplits(
        train, tuple(document for document in held_out if learnt.isdisjoint(paragraphs(document.text)))
    )


def paragraphs(text: str) -> set[str]:
    """As their words alone; those of a few words, which anyone may write, are left out."""
    found = (_words(part) for part in re.split(r"\n\s*\n", text))
    return {words for words in found if words.count(" ") >= _FEWEST_WORDS - 1}


def _without_repeats(documents: Iterable[Document]) -> Iterator[Document]:
    seen: set[str] = set()
    for document in documents:
        words = _words(document.text)
        if words and words not in seen:
            seen.add(words)
            yield document


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def _is_held_out(name: str) -> bool:
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
    return share < _HELD_OUT
