"""Whose time is up next.

Rule: a request that leaves is not looked for; its entry goes when it comes up, or when entries outnumber requests.
"""

from collections.abc import Container, Sized
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import Generic, Protocol

from serving.scheduling.scheduler import R


class Waiting(Container[object], Sized, Protocol):
    """The requests that wait, however their scheduler keeps them."""


class Deadlines(Generic[R]):
    """A heap beside `waiting`, which says whose times still matter."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._heap: list[tuple[float, int, R]] = []
        self._ticket = count()

    def __len__(self) -> int:
        """Entries, also of requests that left."""
        return len(self._heap)

    def add(self, request: R, at: float) -> None:
        if at == inf:
            return
        if len(self._heap) > 2 * len(self._waiting) + 64:
            self._heap = [entry for entry in self._heap if entry[2] in self._waiting]
            heapify(self._heap)
        heappush(self._heap, (at, next(self._ticket), request))

    def next(self) -> float:
        """When the next one passes; infinity for never."""
        while self._heap and self._heap[0][2] not in self._waiting:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else inf

    def pop(self) -> R:
        """The request whose time is `next`; it still waits."""
        return heappop(self._heap)[2]
