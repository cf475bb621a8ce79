"""Requests that wait, by rank and then by when they are due.

Rule: a request that leaves is not looked for; its entry goes when it comes to the front, or when entries outnumber
requests, so that what one costs does not grow with those that wait.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from math import inf
from typing import Generic

from serving.scheduling.scheduler import R

Entry = tuple[int, float, int, R]
"""Its rank, when it is due, a number that grows with each entry, and the request."""


class RankedQueue(Generic[R]):
    """Iterates over rank 0 first, and of those due at the same time over the first to come. `rows` is how many those
    that wait have together. `entries`, which is its owner's, has the entry of every request that waits."""

    def __init__(self, entries: Mapping[R, Entry[R]]) -> None:
        self._entries = entries
        self._order: list[Entry[R]] = []  # starts with one that waits
        self._length = 0
        self.rows = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[R]:
        waits = self._entries.get
        return (entry[3] for entry in self._order if waits(entry[3]) is entry)

    @property
    def head(self) -> R:
        """The queue is not empty."""
        return self._order[0][3]

    def add(self, entry: Entry[R]) -> None:
        order = self._order
        if order and entry < order[-1]:
            insort(order, entry)
        else:
            order.append(entry)
        self._length += 1
        self.rows += entry[3].rows

    def left(self, requests: int, rows: int) -> None:
        """So many requests of so many rows, which are in `entries` no more."""
        self._length -= requests
        self.rows -= rows
        order, waits = self._order, self._entries.get
        gone = 0
        for entry in order:
            if waits(entry[3]) is entry:
                break
            gone += 1
        del order[:gone]
        if len(order) > 2 * self._length + 64:
            self._order = [entry for entry in order if waits(entry[3]) is entry]

    def rows_before(self, rank: int, due: float) -> float:
        """About how many rows would run before those of a request that came now."""
        return self._share(bisect_left(self._order, (rank, due, inf)))

    def rows_after(self, due: float) -> float:
        """About how many rows are due later."""
        order = self._order
        if not order:
            return 0.0
        ranks = range(order[0][0], order[-1][0] + 1)
        late = sum(bisect_left(order, (rank, due, inf)) - bisect_left(order, (rank,)) for rank in ranks)
        return self._share(len(order) - late)

    def _share(self, entries: int) -> float:
        """Of the rows, in so many entries."""
        return self.rows * entries / len(self._order) if entries else 0.0
