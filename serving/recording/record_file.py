"""The file that a recording is written into.

Rule: after every write it ends with a whole line, whatever the disk did; it is its owner's to read, and nobody else's.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path

_OWNERS = 0o600


class RecordFileUnusable(Exception):
    """The text says which, and what to do."""


class RecordFile:
    """Belongs to one thread."""

    def __init__(self, path: Path) -> None:
        """An earlier recording of that name gets a number. Raises `RecordFileUnusable`."""
        try:
            if path.is_file() and path.stat().st_size:
                path.rename(_free_name(path))
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, _OWNERS)
            if path.is_file():  # which may have been there, empty
                os.fchmod(self._descriptor, _OWNERS)
        except OSError as error:
            raise RecordFileUnusable(
                f"--record-file: {path} can't be written ({error.strerror}); name another"
            ) from None
        self.size = 0

    def append(self, pieces: Iterable[bytes]) -> None:
        """All of them, or nothing and `OSError`."""
        written = 0
        try:
            for piece in pieces:
                rest = memoryview(piece)
                while rest:
                    done = os.write(self._descriptor, rest)
                    written += done
                    rest = rest[done:]
        except OSError:
            self._forget(written)
            raise
        self.size += written

    def close(self) -> None:
        os.close(self._descriptor)

    def _forget(self, written: int) -> None:
        if written:
            with suppress(OSError):  # of a pipe, from which nothing can be taken back
                os.ftruncate(self._descriptor, self.size)
                os.lseek(self._descriptor, self.size, os.SEEK_SET)


def _free_name(path: Path) -> Path:
    """`trace.jsonl.1` and so on."""
    names = (path.with_name(f"{path.name}.{number}") for number in count(1))
    return next(name for name in names if not name.exists())
