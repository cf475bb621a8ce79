"""Which links lead to a repository and to what is in it, and where each leads.

Rule: a link may be swapped where no folder that is watched tells of it, so they are read again and compared.
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from serving.engine.repository import is_passing


@dataclass(frozen=True, slots=True)
class Links:
    """`targets` by the link's own path; `identity` is that of the folder that `root` leads to."""

    root: Path
    identity: tuple[int, int]
    targets: Mapping[Path, Path]

    def lead_there_still(self) -> bool:
        """Reads the links and no folder."""
        try:
            return _identity(self.root) == self.identity and all(
                link.readlink() == target for link, target in self.targets.items()
            )
        except OSError:
            return False


def links_of(root: Path) -> Links:
    """Reads all folders but those that can't be. Raises `OSError` where the root is not there."""
    identity = _identity(root)
    targets, real = _passed(root)
    folders, seen = [real], set[Path]()
    while folders:
        folder = folders.pop()
        if folder not in seen:
            seen.add(folder)
            with suppress(OSError):  # also of what is no folder
                for entry in os.scandir(folder):
                    if is_passing(entry.name):  # unless a link leads there
                        continue
                    if entry.is_symlink():
                        more, there = _passed(Path(entry.path))
                        targets |= more
                        folders.append(there)
                    elif entry.is_dir():
                        folders.append(Path(entry.path))
    return Links(root, identity, targets)


def _passed(path: Path) -> tuple[dict[Path, Path], Path]:
    """The links on the way to what a path leads to, and that."""
    found: dict[Path, Path] = {}
    path = path.absolute()
    while True:
        link = next((part for part in (*reversed(path.parents), path) if part.is_symlink()), None)
        if link is None or link in found:  # a loop leads nowhere
            return found, path
        found[link] = link.readlink()
        path = Path(os.path.normpath(link.parent / found[link] / path.relative_to(link)))


def _identity(root: Path) -> tuple[int, int]:
    status = root.stat()
    return status.st_dev, status.st_ino
