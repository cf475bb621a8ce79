"""Requests that wait, by rank and then oldest first.

Rule: adding and removing take the same time however many wait, and any request can leave at once.
"""

from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain
from typing import Generic

from serving.scheduling.scheduler import R


class RankedQueue(Generic[R]):
    """Iterates over rank 0 first. `rows` is how many those that wait have together."""

    def __init__(self, ranks: int) -> None:
        self._ranks: list[OrderedDict[R, None]] = [OrderedDict() for _ in range(ranks)]
        self.rows = 0

    def __iter__(self) -> Iterator[R]:
        return chain.from_iterable(self._ranks)

    def __bool__(self) -> bool:
        return any(self._ranks)

    @property
    def oldest(self) -> float:
        """When the first to arrive of those that head a rank did; the queue is not empty."""
        return min(next(iter(rank)).arrived for rank in self._ranks if rank)

    def add(self, request: R, rank: int) -> None:
        self._ranks[rank][request] = None
        self.rows += request.rows

    def remove(self, request: R, rank: int) -> None:
        del self._ranks[rank][request]
        self.rows -= request.rows
