"""A file that remembers which versions served and which were rolled back, for the next start.

Rule: written whole and renamed where its folder allows it, so that it is never half there; one server writes it, and
goes on where it can't.
"""

import errno
import logging
import os
import threading
from contextlib import suppress
from pathlib import Path

from serving.core.remembered import NOTHING, Remembered, decode, encode

log = logging.getLogger("slipway")


_AGAIN = 5.0  # seconds until what could not be written is tried again


class StateFileUnusable(Exception):
    """The text says which, and what to do."""


class StateFile:
    """Its methods block, and may be called from any thread."""

    def __init__(self, path: Path | None = None) -> None:
        """Without a path it knows what it was told until the server stops. A file that is not there yet, or is empty,
        knows nothing. Raises `StateFileUnusable`."""
        self._path = None if path is None else path.resolve()  # a link stays one
        self._lock = threading.Lock()
        self._models = {} if self._path is None else _read(self._path)
        self._retry: threading.Timer | None = None
        self._refused = ""  # why it could not be written last

    def __repr__(self) -> str:
        return f"<StateFile {self._path}>"

    def of(self, name: str) -> Remembered:
        with self._lock:
            return self._models.get(name, NOTHING)

    def note(self, name: str, now: Remembered) -> None:
        """What can't be written is tried again until it can; that is logged when it begins and when it ends."""
        with self._lock:
            if self._models.get(name, NOTHING) == now:
                return
            self._models[name] = now
            self._write()

    def _write(self) -> None:
        if self._path is None or self._retry is not None:
            return
        try:
            _write(self._path, encode(self._models))
        except OSError as error:
            why = error.strerror or str(error)
            if why != self._refused:
                log.error("%s can't be written, and is tried again: %s", self._path, why)
            self._refused = why
            self._retry = threading.Timer(_AGAIN, self._write_again)
            self._retry.daemon = True
            self._retry.start()
        else:
            if self._refused:
                log.warning("%s is written again", self._path)
            self._refused = ""

    def _write_again(self) -> None:
        with self._lock:
            self._retry = None
            self._write()


def _read(path: Path) -> dict[str, Remembered]:
    if path.exists() and not path.is_file():  # a device might be read for ever, and would be renamed over
        raise StateFileUnusable(f"the state file {path} is no ordinary file; --state-file names another")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise StateFileUnusable(f"the state file {path} can't be read: {error.strerror}") from None
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise StateFileUnusable(f"the state file {path} can't be written; name one in a folder that can be")
    try:
        return decode(text) if text else {}
    except ValueError as error:
        raise StateFileUnusable(
            f"the state file {path} can't be understood ({error}); delete it to begin with what version_policy selects"
        ) from None


def _write(path: Path, text: bytes) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write_to(beside, text)
        beside.replace(path)
    except OSError as error:
        if error.errno not in (errno.EBUSY, errno.EACCES, errno.EROFS) or not path.exists():
            raise
        _write_to(path, text)  # the file alone was given to a container, not its folder
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _write_to(path: Path, text: bytes) -> None:
    with path.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
