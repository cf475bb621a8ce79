"""A file that remembers which versions served and which were rolled back, for the next start.

Rule: written whole and renamed, so that it is never half there; one server writes it. Serving goes on without it.
"""

import logging
import os
import threading
from pathlib import Path

from serving.core.remembered import NOTHING, Remembered, decode, encode

log = logging.getLogger("slipway")


class StateFileUnreadable(Exception):
    """The text says which, and what to do."""


class StateFile:
    """Its methods block, and may be called from any thread."""

    def __init__(self, path: Path | None = None) -> None:
        """Without a path it knows what it was told until the server stops. A file that is not there yet knows nothing.
        Raises `StateFileUnreadable`."""
        self._path = path
        self._lock = threading.Lock()
        self._models = {} if path is None else _read(path)

    def __repr__(self) -> str:
        return f"<StateFile {self._path}>"

    def of(self, name: str) -> Remembered:
        with self._lock:
            return self._models.get(name, NOTHING)

    def note(self, name: str, now: Remembered) -> None:
        """What can't be written is logged, and known until the server stops."""
        with self._lock:
            if self._models.get(name, NOTHING) == now:
                return
            self._models[name] = now
            if self._path is None:
                return
            try:
                _write(self._path, encode(self._models))
            except OSError as error:
                log.error("%s is not remembered over a restart: %s: %s", name, self._path, error.strerror)


def _read(path: Path) -> dict[str, Remembered]:
    try:
        return decode(path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StateFileUnreadable(f"the state file {path} can't be read: {error.strerror}") from None
    except ValueError as error:
        raise StateFileUnreadable(
            f"the state file {path} can't be understood ({error}); delete it to begin with what version_policy selects"
        ) from None


def _write(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
