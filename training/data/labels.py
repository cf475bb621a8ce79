"""The names of what a model tells: classes, items, categories.

Rule: one that is not a line that can be shown is refused before anything is trained.
"""

import unicodedata
from collections.abc import Iterable

from training.errors import InvalidData

_UNSHOWN = {"Cc", "Cs", "Zl", "Zp"}  # of Unicode's: control, halves of pairs or bytes that are no UTF-8, line breaks
_MOST_SHOWN = 100


def check(labels: Iterable[str], source: str) -> None:
    """Raises `InvalidData` naming the label."""
    for label in labels:
        if any(unicodedata.category(each) in _UNSHOWN for each in label):
            raise InvalidData(
                f"{source} has the label {label[:_MOST_SHOWN]!r}, which is not one line of text in UTF-8; give it "
                "another name"
            )
