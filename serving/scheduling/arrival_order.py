"""Triton's `preserve_ordering`: callers are told in the order in which their requests arrived.

Rule: what became of a request is held until all that arrived before it are told, or gone; each is told once.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Generic

from serving.scheduling.scheduler import Event, R


class ArrivalOrder(Generic[R]):
    """Every request that was accepted and is neither told nor gone, oldest first."""

    def __init__(self) -> None:
        self._events: OrderedDict[R, Event[R] | None] = OrderedDict()

    def __repr__(self) -> str:
        held = sum(event is not None for event in self._events.values())
        return f"<ArrivalOrder {len(self)} requests, {held} held>"

    def __len__(self) -> int:
        return len(self._events)

    def accept(self, request: R) -> None:
        self._events[request] = None

    def is_held(self, request: R) -> bool:
        """Whether it is known what to tell, and not yet its turn."""
        return self._events.get(request) is not None

    def release(self, events: Iterable[Event[R]]) -> list[Event[R]]:
        """What can be told now that these are known; those of requests that are gone are dropped."""
        for event in events:
            if event.request in self._events:
                self._events[event.request] = event
        return self._at_the_front()

    def forget(self, request: R) -> list[Event[R]]:
        """Its caller is gone; what can be told now that nobody waits for it."""
        self._events.pop(request, None)
        return self._at_the_front()

    def _at_the_front(self) -> list[Event[R]]:
        told: list[Event[R]] = []
        while self._events and (event := next(iter(self._events.values()))) is not None:
            self._events.popitem(last=False)
            told.append(event)
        return told
