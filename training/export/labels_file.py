"""`labels.txt` in a model's folder, which all of its versions share.

Rule: an operator's own names for classes are left alone; a class under another's number is refused.
"""

from collections.abc import Sequence
from pathlib import Path

from training.errors import PublishFailed
from training.export.config_pbtxt import LABELS


def encode(labels: Sequence[str]) -> str:
    return "".join(f"{label}\n" for label in labels)


def check(path: Path, labels: Sequence[str]) -> None:
    """Raises `PublishFailed` where a file that is there has one of `labels` in another's line."""
    if not path.is_file():
        return
    known = set(labels)
    for line, (found, label) in enumerate(zip(path.read_text().splitlines(), labels, strict=False), 1):
        if found != label and found in known:
            raise PublishFailed(
                f"{LABELS} of the model has '{found}' in line {line}, where the new version has '{label}': all "
                "versions share that file; train under another --name, or correct it"
            )
