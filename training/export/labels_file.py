"""`labels.txt` in a model's folder, which its versions share, and in a version's, where it has classes of its own.

Rule: an operator's own names for classes are left alone; no class goes by another's name.
"""

from collections.abc import Sequence
from pathlib import Path

from training.export.config_pbtxt import LABELS
from training.export.manifest import labels_of
from training.export.versions import versions


def encode(labels: Sequence[str]) -> str:
    return "".join(f"{label}\n" for label in labels)


def fits(directory: Path, labels: Sequence[str]) -> bool:
    """Whether the file in the model's `directory` names the classes of a version that was trained on `labels`: it has
    these, or it already names those of a version that was trained on the same, so that somebody calls them otherwise.
    """
    shared = directory / LABELS
    if not shared.is_file():
        return True
    lines = shared.read_text(encoding="utf-8", errors="replace").splitlines()
    named = [directory / str(number) for number in versions(directory)]
    sharing = max((path for path in named if not (path / LABELS).is_file()), key=lambda it: int(it.name), default=None)
    renamed = sharing is not None and len(lines) == len(labels) and tuple(labels) in labels_of(sharing)
    return lines == list(labels) or renamed
