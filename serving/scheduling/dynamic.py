"""Dynamic batching: whenever an instance is free, run the oldest request with all that can join it.

    arrives ─▶ its level ── runs, or expires ─▶ rejected, or behind its level (DELAY), where it still runs

Rule: a request is held back only while its batch has room, has none of the preferred sizes, and `max_queue_delay` has
not passed; with a delay of 0 nothing is held back, and batches grow only while all instances are busy.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from itertools import accumulate
from typing import Any, Generic, Protocol, TypeVar

from serving.core.batching_config import BatchingConfig
from serving.errors import DeadlineExceeded
from serving.scheduling.deadlines import Deadlines
from serving.scheduling.ranked_queue import RankedQueue
from serving.scheduling.room import rooms
from serving.scheduling.scheduler import Event, Plan, Schedulable


class Prioritized(Schedulable, Protocol):
    @property
    def priority(self) -> int:
        """1 is the highest; 0 or one that the model does not have means its default."""


P = TypeVar("P", bound=Prioritized)


class DynamicBatcher(Generic[P]):
    """One queue for all instances of a model version. Every method is O(batch), whatever the queue's length."""

    pins = False

    def __init__(self, config: BatchingConfig, max_queue_size: int) -> None:
        """`max_queue_size`, in requests, is for the levels whose policy sets none, together.

        A request of a higher priority always runs before those of lower ones.
        """
        self._config = config
        self._max_queue_delay = config.max_queue_delay
        self._preferred = frozenset(config.preferred_batch_sizes)
        self._enough = max(self._preferred)
        self._rooms = rooms(config.policies, max_queue_size)
        # Two ranks for each level: those in time, and those that are delayed.
        self._ranks: dict[P, int] = {}  # of every request that waits
        self._waiting: RankedQueue[P] = RankedQueue(2 * len(config.policies))
        self._groups: dict[Hashable, RankedQueue[P]] = {}  # those that may run together
        self._ready: OrderedDict[Hashable, None] = OrderedDict()  # groups with a batch that is not held back
        self._deadlines: Deadlines[P] = Deadlines(self._ranks)

    def __repr__(self) -> str:
        return f"<DynamicBatcher {len(self)} waiting, {self._waiting.rows} rows>"

    def __len__(self) -> int:
        return len(self._ranks)

    def add(self, request: P, now: float) -> None:
        level = self._config.level(request.priority)
        self._rooms[level].enter()
        request.arrived = now
        self._put(request, 2 * level)
        self._note_readiness(request.key)
        self._deadlines.add(request)

    def cancel(self, request: P) -> None:
        if request in self._ranks:
            self._remove(request)
            self._note_readiness(request.key)

    def close(self) -> None:
        self._max_queue_delay = 0.0

    def schedule(self, now: float, _: int = 0, /) -> Plan[P]:
        expired = self._expire(now)
        if not self._ranks:
            return Plan(events=expired)
        head = next(iter(self._waiting))
        due = self._groups[head.key].oldest + self._max_queue_delay
        if now >= due or head.key in self._ready:
            key = head.key
        elif self._ready:
            key = next(iter(self._ready))
        else:
            return Plan(wake_at=min(due, self._deadlines.next()), events=expired)
        batch = self._next_batch(self._groups[key], now)
        for request in batch:
            self._remove(request)
        self._note_readiness(key)
        return Plan(batch=batch, events=expired)

    def complete(self, batch: list[P], outcomes: Sequence[Any]) -> list[Event[P]]:
        return [_event(request, outcome) for request, outcome in zip(batch, outcomes, strict=True)]

    def _next_batch(self, group: RankedQueue[P], now: float) -> list[P]:
        """The requests of a group that run together, by priority and then oldest first: as many as give the largest
        preferred size, or all that fit where none does or the group was held back for its whole delay.

        The first is taken whatever its size, so that a limit of 1 row means one request at a time.
        """
        batch: list[P] = []
        rows = preferred = 0
        for request in group:
            if batch and rows + request.rows > self._config.max_batch_size:
                break
            batch.append(request)
            rows += request.rows
            if rows in self._preferred:
                preferred = len(batch)
        was_held_back = self._max_queue_delay > 0 and now >= group.oldest + self._max_queue_delay
        return batch[:preferred] if preferred and not was_held_back else batch

    def _expire(self, now: float) -> list[Event[P]]:
        events = []
        touched = set()
        while self._deadlines.next() <= now:
            request = self._deadlines.pop()
            level = self._ranks[request] // 2
            if self._config.policies[level].delays:
                self._take(request)
                self._put(request, 2 * level + 1)
            else:
                self._remove(request)
                events.append(Event(request, error=DeadlineExceeded("Request timeout expired")))
            touched.add(request.key)
        for key in touched:
            self._note_readiness(key)
        return events

    def _put(self, request: P, rank: int) -> None:
        self._ranks[request] = rank
        self._waiting.add(request, rank)
        if request.key not in self._groups:
            self._groups[request.key] = RankedQueue(2 * len(self._config.policies))
        self._groups[request.key].add(request, rank)

    def _remove(self, request: P) -> None:
        self._rooms[self._take(request) // 2].leave()

    def _take(self, request: P) -> int:
        """Out of its rank, which is returned."""
        rank = self._ranks.pop(request)
        self._waiting.remove(request, rank)
        group = self._groups[request.key]
        group.remove(request, rank)
        if not group:
            del self._groups[request.key]
        return rank

    def _note_readiness(self, key: Hashable) -> None:
        if key in self._groups and self._is_ready(self._groups[key]):
            self._ready.setdefault(key)
        else:
            self._ready.pop(key, None)

    def _is_ready(self, group: RankedQueue[P]) -> bool:
        """Whether it has rows for the largest preferred size, which no more would make better, or a preferred size."""
        if group.rows >= self._enough:
            return True
        if len(self._preferred) == 1:
            return False
        return any(rows in self._preferred for rows in accumulate(request.rows for request in group))


def _event(request: P, outcome: Any) -> Event[P]:
    return Event(request, error=outcome) if isinstance(outcome, Exception) else Event(request, outcome)
