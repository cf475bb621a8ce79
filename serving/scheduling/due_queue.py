"""Requests that wait, by when they are due.

Rule: any request can leave at once, and how many come before a moment is known; each costs two look-ups in a sorted
list, whose tail the processor moves in one go.
"""

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterator
from itertools import count
from typing import Generic

from serving.scheduling.scheduler import R


class DueQueue(Generic[R]):
    """Iterates by `due`; of those due at the same time, the first to come is the first."""

    def __init__(self) -> None:
        self._order: list[tuple[float, int, R]] = []
        self._entries: OrderedDict[R, tuple[float, int, R]] = OrderedDict()  # as they arrived
        self._ticket = count()

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[R]:
        return (request for _, _, request in self._order)

    @property
    def oldest(self) -> R:
        """The first to arrive; the queue is not empty."""
        return next(iter(self._entries))

    def add(self, request: R, due: float) -> None:
        entry = self._entries[request] = (due, next(self._ticket), request)
        if not self._order or entry > self._order[-1]:
            self._order.append(entry)
        else:
            insort(self._order, entry)

    def remove(self, request: R) -> None:
        entry = self._entries.pop(request)
        del self._order[0 if entry is self._order[0] else bisect_left(self._order, entry)]

    def before(self, due: float) -> int:
        """How many are due until then, that moment included."""
        return bisect_left(self._order, (due, next(self._ticket)))
