"""Answers that were given before, in memory, for models whose config enables `response_cache`.

Rule: what is kept belongs to the cache alone: compact copies that nobody can write to, and their size is counted whole.
"""

import os
import sys
import threading
from collections.abc import Hashable
from typing import NamedTuple

import numpy as np

from serving.core.requests import Arrays, Parameters
from serving.scheduling.lru import LeastRecentlyUsed
from serving.scheduling.request_digest import request_digest

# Bytes that Python and numpy need beside the values: measured, and rounded up.
_PER_ENTRY = 512
_PER_OUTPUT = 224


class Key(NamedTuple):
    """`model` is one loaded version's own identity, so that a version that is loaded anew has none of its answers."""

    model: Hashable
    digest: bytes


class ResponseCache:
    """May be used from any thread."""

    def __init__(self, size: int) -> None:
        """`size` in bytes."""
        self._kept: LeastRecentlyUsed[Key, Arrays] = LeastRecentlyUsed(size)
        self._lock = threading.Lock()
        self._secret = os.urandom(32)

    def __repr__(self) -> str:
        return f"<ResponseCache {len(self._kept)} entries, {self.used} of {self.size} bytes>"

    @property
    def size(self) -> int:
        """In bytes."""
        return self._kept.size

    @property
    def used(self) -> int:
        """In bytes."""
        return self._kept.used

    @property
    def evictions(self) -> int:
        return self._kept.evictions

    def key(self, model: Hashable, inputs: Arrays, parameters: Parameters) -> Key:
        """Reads the inputs whole."""
        return Key(model, request_digest(inputs, parameters, self._secret))

    def get(self, key: Key) -> Arrays | None:
        with self._lock:
            return self._kept.get(key)

    def put(self, key: Key, outputs: Arrays) -> Arrays:
        """Keep a copy, unless it is larger than the cache. The outputs as several callers may share them, read-only.

        An eviction may free much memory, a copy need it.
        """
        size = size_of(outputs)
        if size > self.size:
            return {name: _read_only(array.view()) for name, array in outputs.items()}
        copies = {name: _read_only(array.copy()) for name, array in outputs.items()}
        with self._lock:
            self._kept.put(key, copies, size)
        return copies

    def discard(self, key: Key) -> None:
        with self._lock:
            self._kept.discard(key)

    def forget(self, model: Hashable) -> None:
        """All that a version answered. The lock is held for an entry at a time: there may be very many."""
        with self._lock:
            keys = self._kept.keys()
        for key in keys:
            if key.model is model:
                self.discard(key)


def size_of(outputs: Arrays) -> int:
    """In bytes, as compact copies in the cache, with all that is needed to keep them."""
    return _PER_ENTRY + sum(_PER_OUTPUT + array.nbytes + _elements(array) for array in outputs.values())


def _elements(array: np.ndarray) -> int:
    """An object array holds pointers only."""
    return sum(map(sys.getsizeof, array.flat)) if array.dtype == object else 0


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
