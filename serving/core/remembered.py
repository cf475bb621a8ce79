"""What of a model outlives a restart: the version that served last, and those that were rolled back. As JSON, too.

Rule: of versions whose files are as they were then; a version with other files under the same number is another one.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from serving.core.repository_files import Files, of_version
from serving.core.versions import is_version


@dataclass(frozen=True, slots=True)
class RolledBack:
    """Why, and the files that the version had: it stays away until they change. Where their marks do, as in a copy,
    `digest`, unless it is "", says whether their content did."""

    files: Files
    reason: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Remembered:
    """`current` is the version that served last, with the `files` that it had; "" where nothing is known."""

    current: str = ""
    files: Files = field(default_factory=dict)
    rolled_back: Mapping[str, RolledBack] = field(default_factory=dict)

    def served(self, number: str, files: Files) -> bool:
        """Whether it was that version that served last; `files` are the model's as they lie there now."""
        return bool(self.current) and number == self.current and of_version(files, number) == self.files


NOTHING = Remembered()


def encode(models: Mapping[str, Remembered]) -> bytes:
    document = {
        name: {
            "current": it.current,
            "files": it.files,
            "rolled_back": {number: asdict(away) for number, away in _sorted(it)},
        }
        for name, it in sorted(models.items())
    }
    return json.dumps(document, indent=1).encode()


def decode(text: bytes) -> dict[str, Remembered]:
    """Raises `ValueError` for what `encode` did not write."""
    try:
        return {str(name): _remembered(it) for name, it in json.loads(text).items()}
    except (AttributeError, KeyError, TypeError):  # whose words are Python's
        raise ValueError("it is no record of models and their versions: not the fields that a server writes") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no record of models and their versions: {error}") from None


def _sorted(it: Remembered) -> list[tuple[str, RolledBack]]:
    return sorted(it.rolled_back.items(), key=lambda item: int(item[0]))


def _remembered(it: Any) -> Remembered:
    return Remembered(
        str(it["current"]),
        _files(it["files"]),
        {_number(key): _rolled_back(away) for key, away in it["rolled_back"].items()},
    )


def _number(key: str) -> str:
    if not is_version(key):
        raise ValueError(f"'{key}' is no version")
    return key


def _rolled_back(it: Any) -> RolledBack:
    return RolledBack(_files(it["files"]), str(it["reason"]), str(it.get("digest", "")))


def _files(it: Any) -> Files:
    """Marks are tuples, which JSON has as lists."""
    return {path: tuple(mark) if isinstance(mark, list) else mark for path, mark in it.items()}
