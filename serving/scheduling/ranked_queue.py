"""Requests that wait, by rank and then by when they are due.

Rule: any request can leave at once, and what adding or removing one takes does not grow with those that wait.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Generic

from serving.scheduling.due_queue import DueQueue
from serving.scheduling.scheduler import R


class RankedQueue(Generic[R]):
    """Iterates over rank 0 first. `rows` is how many those that wait have together."""

    def __init__(self, ranks: int) -> None:
        self._ranks: list[DueQueue[R]] = [DueQueue() for _ in range(ranks)]
        self.rows = 0

    def __iter__(self) -> Iterator[R]:
        return chain.from_iterable(self._ranks)

    def __bool__(self) -> bool:
        return any(self._ranks)

    @property
    def oldest(self) -> float:
        """When the first to arrive of those in each rank did; the queue is not empty."""
        return min(rank.oldest.arrived for rank in self._ranks if rank)

    def add(self, request: R, rank: int, due: float) -> None:
        self._ranks[rank].add(request, due)
        self.rows += request.rows

    def remove(self, request: R, rank: int) -> None:
        self._ranks[rank].remove(request)
        self.rows -= request.rows

    def rows_before(self, rank: int, due: float) -> float:
        """About how many rows would run before those of a request that came now."""
        requests = sum(map(len, self._ranks))
        if not requests:
            return 0.0
        ahead = sum(map(len, self._ranks[:rank])) + self._ranks[rank].before(due)
        return self.rows * ahead / requests

    def rows_after(self, due: float) -> float:
        """About how many rows are due later."""
        requests = sum(map(len, self._ranks))
        late = sum(rank.before(due) for rank in self._ranks)
        return self.rows * (requests - late) / requests if requests else 0.0
