"""Dynamic batching: whenever an instance is free, run the oldest request with all that can join it.

Rule: a request is held back only while its batch has room and `max_queue_delay` has not passed; with a delay of 0
nothing is held back, and batches grow only while all instances are busy.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import Any, Generic

from serving.errors import DeadlineExceeded, Overloaded
from serving.scheduling.scheduler import Event, Plan, R


@dataclass(slots=True)
class _Group(Generic[R]):
    """Waiting requests that may run together, oldest first. An ordered dictionary, so that any can leave at once."""

    requests: OrderedDict[R, None] = field(default_factory=OrderedDict)
    rows: int = 0


class DynamicBatcher(Generic[R]):
    """One queue for all instances of a model version. Every method is O(batch), whatever the queue's length."""

    pins = False

    def __init__(self, max_batch_size: int, max_queue_delay: float, max_queue_size: int) -> None:
        """`max_batch_size` in rows, `max_queue_delay` in seconds, `max_queue_size` in requests."""
        self._max_batch_size = max_batch_size
        self._max_queue_delay = max_queue_delay
        self._max_queue_size = max_queue_size
        self._waiting: OrderedDict[R, None] = OrderedDict()
        self._groups: dict[Hashable, _Group[R]] = {}
        self._full: OrderedDict[Hashable, None] = OrderedDict()  # groups with enough rows for a whole batch
        self._deadlines: list[tuple[float, int, R]] = []  # a heap; entries of requests that left go lazily
        self._ticket = count()

    def __repr__(self) -> str:
        return f"<DynamicBatcher {len(self)} waiting, {sum(group.rows for group in self._groups.values())} rows>"

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, request: R, now: float) -> None:
        if len(self._waiting) >= self._max_queue_size:
            raise Overloaded(f"Exceeds maximum queue size: {len(self._waiting)} requests are already waiting")
        request.arrived = now
        self._waiting[request] = None
        group = self._groups.setdefault(request.key, _Group())
        group.requests[request] = None
        self._change_rows(request.key, group, request.rows)
        if request.deadline < inf:
            self._compact_deadlines()
            heappush(self._deadlines, (request.deadline, next(self._ticket), request))

    def cancel(self, request: R) -> None:
        if request in self._waiting:
            self._remove(request)

    def close(self) -> None:
        self._max_queue_delay = 0.0

    def schedule(self, now: float, _: int = 0, /) -> Plan[R]:
        expired = self._expire(now)
        if not self._waiting:
            return Plan(events=expired)
        head = next(iter(self._waiting))
        due = head.arrived + self._max_queue_delay
        if now >= due or head.key in self._full:
            key = head.key
        elif self._full:
            key = next(iter(self._full))
        else:
            return Plan(wake_at=min(due, self._next_deadline()), events=expired)
        batch = self._oldest_batch(self._groups[key])
        for request in batch:
            self._remove(request)
        return Plan(batch=batch, events=expired)

    def complete(self, batch: list[R], outcomes: Sequence[Any]) -> list[Event[R]]:
        return [_event(request, outcome) for request, outcome in zip(batch, outcomes, strict=True)]

    def _oldest_batch(self, group: _Group[R]) -> list[R]:
        """The requests of a group that run together, oldest first.

        The first is taken whatever its size, so that a limit of 1 row means one request at a time.
        """
        batch: list[R] = []
        rows = 0
        for request in group.requests:
            if batch and rows + request.rows > self._max_batch_size:
                break
            batch.append(request)
            rows += request.rows
        return batch

    def _expire(self, now: float) -> list[Event[R]]:
        events = []
        while self._next_deadline() <= now:
            _, _, request = heappop(self._deadlines)
            self._remove(request)
            events.append(Event(request, error=DeadlineExceeded("Request timeout expired")))
        return events

    def _next_deadline(self) -> float:
        while self._deadlines and self._deadlines[0][2] not in self._waiting:
            heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else inf

    def _compact_deadlines(self) -> None:
        """Long deadlines of requests that left long ago must not pile up."""
        if len(self._deadlines) > 2 * len(self._waiting) + 64:
            self._deadlines = [entry for entry in self._deadlines if entry[2] in self._waiting]
            heapify(self._deadlines)

    def _remove(self, request: R) -> None:
        del self._waiting[request]
        group = self._groups[request.key]
        del group.requests[request]
        self._change_rows(request.key, group, -request.rows)
        if not group.requests:
            del self._groups[request.key]

    def _change_rows(self, key: Hashable, group: _Group[R], rows: int) -> None:
        group.rows += rows
        if group.rows >= self._max_batch_size:
            self._full.setdefault(key)
        else:
            self._full.pop(key, None)


def _event(request: R, outcome: Any) -> Event[R]:
    return Event(request, error=outcome) if isinstance(outcome, Exception) else Event(request, outcome)
