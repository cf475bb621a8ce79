"""Folders of models that lie elsewhere, as they were at one moment, made of links to blobs.

Rule: a tree is of one state of a model and never becomes another, its folders appear whole, and none is removed while
a process that uses it lives.

    trees/<store>/<model>/<state>/<model>/config.pbtxt, labels.txt, ...
    trees/<store>/<model>/<state>/<model>/<version>/model.onnx, ...
    trees/<store>/<model>/<state>.lock    which the processes that use the tree hold; its age is that of the last use
"""

import hashlib
import os
import shutil
import time
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from serving.engine.blob_store import BlobStore, link

try:
    import fcntl
except ModuleNotFoundError:  # Windows, where no tree is ever removed
    fcntl = None  # type: ignore[assignment]

_FORGOTTEN = 30 * 86400.0  # seconds after which the last state of a model that nobody loaded goes too
_AT_ONCE = 4  # files that are fetched


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of a folder by its path in it, or with a slash at its end an empty folder; a `size` of -1 is any."""

    path: str
    size: int
    source: str
    fetch: Callable[[Path], None]


class ModelTrees:
    """Holds every tree that it opened as long as it lives."""

    def __init__(self, blobs: BlobStore) -> None:
        self.root = blobs.root / "trees"
        self._blobs = blobs
        self._held: dict[Path, int] = {}  # lock files, open
        weakref.finalize(self, _close, self._held)
        self._checked: set[Path] = set()

    def __repr__(self) -> str:
        return f"<ModelTrees {len(self._held)} held>"

    def open(self, store: str, model: str, state: str) -> Path:
        """The folder around the model's, as a repository of that one model. Raises `ModelLoadFailed`."""
        tree = self.root / _short(store) / model / _short(state)
        if tree not in self._held:
            with self._blobs.writing():  # says so where nothing can be written
                tree.parent.mkdir(parents=True, exist_ok=True)
                self._held[tree] = _hold(_lock_of(tree))
        return tree

    def fill(self, folder: Path, wanted: Sequence[Wanted]) -> None:
        """Make all of it lie in `folder`, which appears whole; in one that is there, what is not sound is replaced.

        Sound is what has the right size and, looked at once in the life of a process, the right content.
        """
        missing = [each for each in wanted if not self._is_sound(folder, each)]
        if missing or not folder.is_dir():
            with self._blobs.writing() as temporary, ThreadPoolExecutor(_AT_ONCE) as pool:
                new = temporary / "new"
                new.mkdir()
                list(pool.map(lambda each: self._place(new, each), missing))
                folder.parent.mkdir(parents=True, exist_ok=True)
                try:
                    new.rename(folder)
                except OSError:
                    if not folder.is_dir():
                        raise
                    for each in missing:  # another process was quicker, or these were damaged
                        _replace(new / each.path, folder / each.path)
        self._checked.add(folder)

    def prune(self) -> None:
        """Remove the trees that nobody uses: all but the last used of each model, and that one when it is forgotten."""
        for model in self.root.glob("*/*"):
            for place, lock in enumerate(sorted(model.glob("*.lock"), key=_age)):
                if place > 0 or _age(lock) > _FORGOTTEN:
                    self._remove(lock)

    def _is_sound(self, folder: Path, wanted: Wanted) -> bool:
        place = folder / wanted.path
        try:
            if wanted.path.endswith("/"):
                return place.is_dir()
            if not place.is_file() or wanted.size not in (-1, place.stat().st_size):
                return False
        except OSError:
            return False
        return folder in self._checked or self._blobs.is_content(wanted.source, place)

    def _place(self, folder: Path, wanted: Wanted) -> None:
        target = folder / wanted.path
        if wanted.path.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        link(self._blobs.find(wanted.source) or self._blobs.keep(wanted.source, wanted.fetch), target)

    def _remove(self, lock: Path) -> None:
        if fcntl is None:
            return
        with suppress(OSError), lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with self._blobs.writing() as temporary:
                if lock.with_suffix("").is_dir():
                    lock.with_suffix("").rename(temporary / "old")
                lock.unlink()


def _lock_of(tree: Path) -> Path:
    return tree.with_suffix(".lock")


def _hold(lock: Path) -> int:
    """The open file; opened again where it was removed between its opening and its locking."""
    while True:
        file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        if fcntl is not None:
            with suppress(OSError):  # a disk without locks
                fcntl.flock(file, fcntl.LOCK_SH)
        with suppress(FileNotFoundError):
            os.utime(lock)
            if os.path.samestat(os.fstat(file), lock.stat()):
                return file
        os.close(file)


def _close(held: dict[Path, int]) -> None:
    for file in held.values():
        os.close(file)


def _replace(new: Path, old: Path) -> None:
    if new.is_dir():
        old.mkdir(parents=True, exist_ok=True)
        return
    if old.is_dir():
        shutil.rmtree(old)
    old.parent.mkdir(parents=True, exist_ok=True)
    new.replace(old)


def _age(lock: Path) -> float:
    with suppress(OSError):
        return time.time() - lock.stat().st_mtime
    return 0.0


def _short(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]
