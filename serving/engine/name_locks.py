"""A lock for each name. Rule: one that nobody holds or waits for is forgotten, since callers may invent names."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class NameLocks:
    def __init__(self) -> None:
        self._counting = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._users: dict[str, int] = {}

    def __len__(self) -> int:
        """Names that are held."""
        return len(self._locks)

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Blocks while another thread holds it."""
        with self._counting:
            lock = self._locks.setdefault(name, threading.Lock())
            self._users[name] = self._users.get(name, 0) + 1
        try:
            with lock:
                yield
        finally:
            with self._counting:
                self._users[name] -= 1
                if not self._users[name]:
                    del self._users[name], self._locks[name]
