"""Work that several wait for and that is done once.

Rule: it goes on as long as anybody waits for it, whoever asked first; when nobody does, it is cancelled.
"""

import asyncio
from collections.abc import Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Flight(Generic[T]):
    """Belongs to the event loop's thread."""

    def __init__(self, task: "asyncio.Task[T]") -> None:
        self._task = task
        self._waiting = 0
        self._claimed = False

    @property
    def is_awaited(self) -> bool:
        return self._waiting > 0

    @property
    def is_open(self) -> bool:
        """Whether one more may wait for it."""
        return self.is_awaited and not self._task.done()

    async def ends(self, timeout: float | None) -> bool:
        """Whether it ends within so many seconds; None for as long as it takes. The last to leave cancels it."""
        self._waiting += 1
        try:
            done, _ = await asyncio.wait((self._task,), timeout=timeout)
        finally:
            self._waiting -= 1
            if not self.is_awaited:
                self._task.cancel()  # where it has just ended, asyncio does not report its error as missed
        return bool(done)

    def result(self) -> T:
        """What it returned; raises what it raised. Only when it has ended."""
        return self._task.result()

    def claim(self) -> bool:
        """True for the first that asks, and for no other."""
        is_first, self._claimed = not self._claimed, True
        return is_first


class SingleFlight(Generic[T]):
    """Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, Flight[T]] = {}

    def __repr__(self) -> str:
        return f"<SingleFlight {len(self._flights)} under way>"

    def find(self, key: Hashable) -> Flight[T] | None:
        flight = self._flights.get(key)
        return flight if flight is not None and flight.is_open else None

    def start(self, key: Hashable, work: Coroutine[Any, Any, T]) -> Flight[T]:
        """Whoever starts it awaits its end at once."""
        task = asyncio.create_task(work)
        flight = self._flights[key] = Flight(task)

        def end(_: "asyncio.Task[T]") -> None:
            if self._flights.get(key) is flight:
                del self._flights[key]

        task.add_done_callback(end)
        return flight
