"""Dynamic batching: whenever an instance is free, run the oldest request with all that can join it.

Rule: a request is held back only while its batch has room and `max_queue_delay` has not passed; with a delay of 0
nothing is held back, and batches grow only while all instances are busy.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from itertools import chain
from typing import Any, Generic, Protocol, TypeVar

from serving.errors import DeadlineExceeded, Overloaded
from serving.scheduling.deadlines import Deadlines
from serving.scheduling.scheduler import Event, Plan, Schedulable


class Prioritized(Schedulable, Protocol):
    @property
    def priority(self) -> int:
        """1 is the highest; 0 or one that the model does not have means its default."""


P = TypeVar("P", bound=Prioritized)


class _Queue(Generic[P]):
    """Requests by priority, oldest first. Ordered dictionaries, so that any can leave at once."""

    def __init__(self, levels: int) -> None:
        self._levels: list[OrderedDict[P, None]] = [OrderedDict() for _ in range(levels)]
        self.rows = 0

    def __iter__(self) -> Iterator[P]:
        return chain.from_iterable(self._levels)

    def __bool__(self) -> bool:
        return any(self._levels)

    def add(self, request: P, level: int) -> None:
        self._levels[level][request] = None
        self.rows += request.rows

    def remove(self, request: P, level: int) -> None:
        del self._levels[level][request]
        self.rows -= request.rows


class DynamicBatcher(Generic[P]):
    """One queue for all instances of a model version. Every method is O(batch), whatever the queue's length."""

    pins = False

    def __init__(
        self,
        max_batch_size: int,
        max_queue_delay: float,
        max_queue_size: int,
        priority_levels: int = 0,
        default_priority_level: int = 0,
    ) -> None:
        """`max_batch_size` in rows, `max_queue_delay` in seconds, `max_queue_size` in requests.

        With `priority_levels`, a request of a higher priority always runs before those of lower ones.
        """
        self._max_batch_size = max_batch_size
        self._max_queue_delay = max_queue_delay
        self._max_queue_size = max_queue_size
        self._level_count = priority_levels or 1
        self._default_level = (default_priority_level or 1) - 1
        self._levels: dict[P, int] = {}  # of every request that waits
        self._waiting: _Queue[P] = _Queue(self._level_count)
        self._groups: dict[Hashable, _Queue[P]] = {}  # those that may run together
        self._full: OrderedDict[Hashable, None] = OrderedDict()  # groups with enough rows for a whole batch
        self._deadlines: Deadlines[P] = Deadlines(self._levels)

    def __repr__(self) -> str:
        return f"<DynamicBatcher {len(self)} waiting, {self._waiting.rows} rows>"

    def __len__(self) -> int:
        return len(self._levels)

    def add(self, request: P, now: float) -> None:
        if len(self) >= self._max_queue_size:
            raise Overloaded(f"Exceeds maximum queue size: {len(self)} requests are already waiting")
        request.arrived = now
        level = request.priority - 1 if 1 <= request.priority <= self._level_count else self._default_level
        self._levels[request] = level
        self._waiting.add(request, level)
        if request.key not in self._groups:
            self._groups[request.key] = _Queue(self._level_count)
        group = self._groups[request.key]
        group.add(request, level)
        self._note_fullness(request.key, group)
        self._deadlines.add(request)

    def cancel(self, request: P) -> None:
        if request in self._levels:
            self._remove(request)

    def close(self) -> None:
        self._max_queue_delay = 0.0

    def schedule(self, now: float, _: int = 0, /) -> Plan[P]:
        expired = self._expire(now)
        if not self._levels:
            return Plan(events=expired)
        head = next(iter(self._waiting))
        due = head.arrived + self._max_queue_delay
        if now >= due or head.key in self._full:
            key = head.key
        elif self._full:
            key = next(iter(self._full))
        else:
            return Plan(wake_at=min(due, self._deadlines.next()), events=expired)
        batch = self._oldest_batch(self._groups[key])
        for request in batch:
            self._remove(request)
        return Plan(batch=batch, events=expired)

    def complete(self, batch: list[P], outcomes: Sequence[Any]) -> list[Event[P]]:
        return [_event(request, outcome) for request, outcome in zip(batch, outcomes, strict=True)]

    def _oldest_batch(self, group: _Queue[P]) -> list[P]:
        """The requests of a group that run together, by priority and then oldest first.

        The first is taken whatever its size, so that a limit of 1 row means one request at a time.
        """
        batch: list[P] = []
        rows = 0
        for request in group:
            if batch and rows + request.rows > self._max_batch_size:
                break
            batch.append(request)
            rows += request.rows
        return batch

    def _expire(self, now: float) -> list[Event[P]]:
        events = []
        while self._deadlines.next() <= now:
            request = self._deadlines.pop()
            self._remove(request)
            events.append(Event(request, error=DeadlineExceeded("Request timeout expired")))
        return events

    def _remove(self, request: P) -> None:
        level = self._levels.pop(request)
        self._waiting.remove(request, level)
        group = self._groups[request.key]
        group.remove(request, level)
        self._note_fullness(request.key, group)
        if not group:
            del self._groups[request.key]

    def _note_fullness(self, key: Hashable, group: _Queue[P]) -> None:
        if group.rows >= self._max_batch_size:
            self._full.setdefault(key)
        else:
            self._full.pop(key, None)


def _event(request: P, outcome: Any) -> Event[P]:
    return Event(request, error=outcome) if isinstance(outcome, Exception) else Event(request, outcome)
