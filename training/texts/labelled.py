"""Texts with their labels, from a table of the user's own, and which of them can be learnt from.

Rule: what is left out is counted by its reason; texts that differ in white space and case alone are the same text.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from training.data import tables
from training.data.splits import unique
from training.errors import InvalidData

FEWEST = 10  # texts of a label, of which 6 are learnt from on average


@dataclass(frozen=True, slots=True)
class Labelled:
    """`dropped` counts what was left out of those that were read, by reason."""

    source: str
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    dropped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def read(self) -> int:
        return len(self.texts) + sum(self.dropped.values())

    def only(self, rows: Sequence[int], reasons: Mapping[str, int]) -> "Labelled":
        """These rows; what is left out is counted."""
        dropped = {reason: count for reason, count in {**self.dropped, **reasons}.items() if count}
        texts, labels = (tuple(side[row] for row in rows) for side in (self.texts, self.labels))
        return replace(self, texts=texts, labels=labels, dropped=dropped)


def read_table(path: Path, text: str, target: str) -> Labelled:
    """Raises `InvalidData`."""
    if text == target:
        raise InvalidData(f"data.text and data.target are both '{text}'; name the column of texts, and that of labels")
    frame = tables.read(path, (text, target))
    texts, labels = (tables.texts(path, frame[name]) for name in (text, target))
    return Labelled(str(path), tuple(texts), tuple(" ".join(label.split()) for label in labels))


def cleaned(given: Labelled) -> Labelled:
    """Raises `InvalidData` where fewer than two labels are left."""
    for part in (_without_empty, _without_doubles, _without_rare):
        given = part(given)
    if len(set(given.labels)) < 2:
        left = f"only '{given.labels[0]}' is left" if given.labels else "none is left"
        why = ", ".join(f"{count} {reason}" for reason, count in given.dropped.items()) or "nothing was left out"
        raise InvalidData(
            f"{given.source}: there must be two labels or more, of {FEWEST} texts each; {left} ({why}). Is data.target "
            "the column of the labels?"
        )
    return given


def key(text: str) -> bytes:
    """The same for texts that are one."""
    return " ".join(text.split()).casefold().encode()


def _without_empty(given: Labelled) -> Labelled:
    with_text = [row for row, text in enumerate(given.texts) if text.strip()]
    kept = [row for row in with_text if given.labels[row]]
    reasons = {"without a text": len(given.texts) - len(with_text), "without a label": len(with_text) - len(kept)}
    return given.only(kept, reasons)


def _without_doubles(given: Labelled) -> Labelled:
    numbers = {label: number for number, label in enumerate(sorted(set(given.labels)))}
    return given.only(*unique([key(text) for text in given.texts], [numbers[label] for label in given.labels]))


def _without_rare(given: Labelled) -> Labelled:
    counts = Counter(given.labels)
    kept = [row for row, label in enumerate(given.labels) if counts[label] >= FEWEST]
    return given.only(kept, {f"of a label with fewer than {FEWEST} texts": len(given.texts) - len(kept)})
