"""Dynamic batching: whenever an instance is free, run the request that is due first with all that can join it.

    arrives ─▶ its level ── runs, or expires ─▶ rejected, or behind its level (DELAY), where it still runs

Rule: a request is held back only while its batch has room, has none of the preferred sizes, and `max_queue_delay` has
not passed; with a delay of 0 nothing is held back, and batches grow only while all instances are busy. What can't end
before its deadline is not begun.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from itertools import accumulate
from math import ceil, inf
from typing import Any, Generic, Protocol, TypeVar

from serving.core.batching_config import BatchingConfig
from serving.errors import DeadlineExceeded, Overloaded
from serving.scheduling.best_batch import best_seconds
from serving.scheduling.deadlines import Deadlines
from serving.scheduling.forecast import Forecast
from serving.scheduling.latency_model import LatencyModel
from serving.scheduling.ranked_queue import RankedQueue
from serving.scheduling.room import rooms
from serving.scheduling.scheduler import Event, Plan, Schedulable

_PATIENCE = 1.0
"""Seconds after which a request without a deadline is due, so that those with one don't starve it."""


class Prioritized(Schedulable, Protocol):
    @property
    def priority(self) -> int:
        """1 is the highest; 0 or one that the model does not have means its default."""


P = TypeVar("P", bound=Prioritized)


class DynamicBatcher(Generic[P]):
    """One queue for all instances of a model version. Every method is O(batch), whatever the queue's length."""

    pins = False

    def __init__(self, config: BatchingConfig, max_queue_size: int, places: Sequence[Hashable] = ("cpu",)) -> None:
        """`max_queue_size`, in requests, is for the levels whose policy sets none, together. `places` has one for each
        instance; on equal ones a batch takes equally long.

        A request of a higher priority always runs before those of lower ones, and inside a priority the one that is due
        first.
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
        self._forecast = Forecast(places)
        self._refused_at = -inf  # when one last came too late

    def __repr__(self) -> str:
        return f"<DynamicBatcher {len(self)} waiting, {self._waiting.rows} rows>"

    def __len__(self) -> int:
        return len(self._ranks)

    def add(self, request: P, now: float) -> None:
        """Raises `Overloaded` also where it could not be answered before its deadline."""
        level = self._config.level(request.priority)
        request.arrived = now
        self._check_in_time(request, level, now)
        self._rooms[level].enter()
        self._put(request, 2 * level)
        self._note_readiness(request.key)
        self._deadlines.add(request)

    def learn(self, key: Hashable, place: Hashable, rows: int, seconds: float, now: float) -> None:
        """That a batch of such requests took so long, though it was none of theirs."""
        self._forecast.learn(key, place, rows, seconds, now)

    def cancel(self, request: P) -> None:
        if request in self._ranks:
            self._remove(request)
            self._note_readiness(request.key)

    def close(self) -> None:
        self._max_queue_delay = 0.0

    def schedule(self, now: float, instance: int = 0, /) -> Plan[P]:
        events = self._expire(now)
        while self._ranks:
            key, wake_at = self._next_group(now, instance)
            if key is None:
                return Plan(wake_at=wake_at, events=events)
            group, model = self._groups[key], self._forecast.model(key, instance, now)
            if model is not None:
                events += self._drop_hopeless(group, model, now)
            batch = self._next_batch(group, model, now) if group else []
            for request in batch:
                self._remove(request)
            self._note_readiness(key)
            if batch:
                self._forecast.begin(key, instance, _rows(batch), now)
                return Plan(batch=batch, events=events)
        return Plan(events=events)

    def is_quick(self, now: float, /) -> bool:
        if not self._ranks:
            return False
        head = next(iter(self._waiting))
        rows = min(self._groups[head.key].rows, self._config.max_batch_size)
        return self._forecast.is_quick(head.key, rows, now)

    def complete(self, batch: list[P], outcomes: Sequence[Any], now: float, instance: int = 0, /) -> list[Event[P]]:
        ran = not all(isinstance(outcome, Exception) for outcome in outcomes)
        self._forecast.end(batch[0].key, instance, _rows(batch) if ran else 0, now)
        return [_event(request, outcome) for request, outcome in zip(batch, outcomes, strict=True)]

    def _check_in_time(self, request: P, level: int, now: float) -> None:
        """Raises `Overloaded` where it would be late."""
        if request.deadline == inf or self._config.policies[level].delays:
            return
        model = self._forecast.quickest(request.key, now)
        if model is None:
            return
        left = request.deadline - now
        together = min(self._config.max_batch_size, max(1, model.rows_within(left)))
        ahead = self._waiting.rows_before(2 * level, self._due(request))
        wait = self._forecast.seconds_until_start(ahead, together, model, now)
        rows = max(request.rows, min(together, int(ahead % together) + request.rows))
        takes = model.safely(rows) if wait or ahead else model.expected(rows)  # late, it would be in nobody's way
        late = wait + takes - left
        if late > 0:
            self._refused_at = now
            raise Overloaded(
                f"the request could not be answered in time: it would start in about {wait * 1000:.0f} ms, take "
                f"{model.expected(request.rows) * 1000:.0f} ms and has {max(0.0, left) * 1000:.0f} ms",
                retry_after=max(1, ceil(late)),
            )

    def _next_group(self, now: float, instance: int) -> tuple[Hashable, float | None]:
        """Whose batch runs now; None while all are held back, and until when."""
        head = next(iter(self._waiting))
        due = self._groups[head.key].oldest + self._max_queue_delay
        model = self._forecast.model(head.key, instance, now) if self._max_queue_delay else None
        if model is not None and not self._delays(head):
            due = min(due, head.deadline - model.safely(self._enough))
        if now >= due or head.key in self._ready:
            return head.key, None
        if self._ready:
            return next(iter(self._ready)), None
        return None, min(due, self._deadlines.next())

    def _drop_hopeless(self, group: RankedQueue[P], model: LatencyModel, now: float) -> list[Event[P]]:
        """Heads that would be late; and under overload, when more waits than a batch or some were refused lately, heads
        with so little time that their batch would be small, which costs those behind them more than it gives."""
        events: list[Event[P]] = []
        best: float | None = None
        while group:
            head = next(iter(group))
            if head.deadline == inf or self._delays(head):
                break
            needed = model.safely(head.rows) if len(self) > 1 else model.expected(head.rows)
            was_refused = now - self._refused_at < head.deadline - head.arrived
            if was_refused or group.rows > self._config.max_batch_size:
                best = best_seconds(group, model, self._config.max_batch_size, now) if best is None else best
                needed = max(needed, best)
            if now + needed <= head.deadline:
                break
            self._remove(head)
            events.append(Event(head, error=DeadlineExceeded("Request timeout would expire before it is answered")))
        return events

    def _next_batch(self, group: RankedQueue[P], model: LatencyModel | None, now: float) -> list[P]:
        """The requests of a group that run together, by priority and then as they are due: as many as give the largest
        preferred size, or all that fit where none does or the group was held back for its whole delay, and end in time.

        The first is taken whatever its size, so that a limit of 1 row means one request at a time.
        """
        batch: list[P] = []
        rows = preferred = 0
        limit = inf
        for request in group:
            if batch and rows + request.rows > self._config.max_batch_size:
                break
            if model is not None and not self._delays(request):
                limit = min(limit, request.deadline)
                if batch and now + model.safely(rows + request.rows) > limit:
                    break
            batch.append(request)
            rows += request.rows
            if rows in self._preferred:
                preferred = len(batch)
        was_held_back = self._max_queue_delay > 0 and now >= group.oldest + self._max_queue_delay
        return batch[:preferred] if preferred and not was_held_back else batch

    def _delays(self, request: P) -> bool:
        return self._config.policies[self._ranks[request] // 2].delays

    def _due(self, request: P) -> float:
        if self._config.preserve_ordering:
            return request.arrived
        return request.arrived + _PATIENCE if request.deadline == inf else request.deadline

    def _expire(self, now: float) -> list[Event[P]]:
        events = []
        touched = set()
        while self._deadlines.next() <= now:
            request = self._deadlines.pop()
            level = self._ranks[request] // 2
            if self._delays(request):
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
        due = self._due(request)
        self._waiting.add(request, rank, due)
        if request.key not in self._groups:
            self._groups[request.key] = RankedQueue(2 * len(self._config.policies))
        self._groups[request.key].add(request, rank, due)

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


def _rows(batch: Sequence[Schedulable]) -> int:
    return sum(request.rows for request in batch)


def _event(request: P, outcome: Any) -> Event[P]:
    return Event(request, error=outcome) if isinstance(outcome, Exception) else Event(request, outcome)
