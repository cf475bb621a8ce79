"""How many requests may wait: each priority level's own limit, or what the levels without one share.

Rule: whoever is let in leaves once.
"""

from collections.abc import Iterable

from serving.core.batching_config import QueuePolicy
from serving.errors import Overloaded


class Room:
    """Holds up to `limit` requests."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting = 0

    def __repr__(self) -> str:
        return f"<Room {self._waiting} of {self._limit}>"

    def enter(self) -> None:
        """Raises `Overloaded` when it is full."""
        if self._waiting >= self._limit:
            raise Overloaded(f"Exceeds maximum queue size: {self._waiting} requests are already waiting")
        self._waiting += 1

    def leave(self) -> None:
        self._waiting -= 1


def rooms(policies: Iterable[QueuePolicy], shared_limit: int) -> list[Room]:
    """One for each policy; those that set no `max_queue_size` are the same room."""
    shared = Room(shared_limit)
    return [Room(policy.max_queue_size) if policy.max_queue_size else shared for policy in policies]
