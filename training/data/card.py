"""What a person should know of the data that a model was trained on.

Rule: every row that was read is either kept, in one split, or dropped, for one reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath


@dataclass(frozen=True, slots=True)
class Column:
    """Of a table, over the rows that were kept. `kind` is "number" or "category"."""

    name: str
    kind: str
    missing: int = 0
    statistics: Mapping[str, float] = field(default_factory=dict)
    """Of numbers, such as least, mean and most."""
    values: Mapping[str, int] = field(default_factory=dict)
    """Rows with each value of a category, or with numbers of each range."""


@dataclass(frozen=True, slots=True)
class Card:
    source: str
    read: int
    """Rows, or files."""
    dropped: Mapping[str, int]
    """By reason; reasons that never came are left out."""
    kept: Mapping[str, int]
    """By split."""
    classes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By split and label."""
    columns: tuple[Column, ...] = ()
    notes: tuple[str, ...] = ()
    """What else there is to say, a sentence each."""

    @property
    def published_source(self) -> str:
        """A file or folder by its name alone: where it lies is not for all who read a report."""
        return PurePath(self.source).name or self.source
