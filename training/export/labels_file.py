"""`labels.txt` in a model's folder, which its versions share, and in a version's, where it has classes of its own.

Rule: an operator's own names for classes are left alone; no class goes by another's name.
"""

from collections.abc import Sequence
from pathlib import Path


def encode(labels: Sequence[str]) -> str:
    return "".join(f"{label}\n" for label in labels)


def fits(path: Path, labels: Sequence[str]) -> bool:
    """Whether the model's file may name `labels`: line by line the same, or what somebody calls them instead."""
    if not path.is_file():
        return True
    lines, known = path.read_text().splitlines(), set(labels)
    others = any(found != label and found in known for found, label in zip(lines, labels, strict=False))
    return len(lines) == len(labels) and not others
