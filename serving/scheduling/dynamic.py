"""Dynamic batching: whenever an instance is free, run the request that is due first with all that can join it.

    arrives ─▶ its level ── runs, or expires ─▶ rejected, or behind its level (DELAY), where it still runs

Rule: a request is held back only while its batch has room, has none of the preferred sizes, and `max_queue_delay` has
not passed; with a delay of 0 nothing is held back, and batches grow only while all instances are busy. What can't end
before its deadline is not begun.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import accumulate, count
from math import ceil, inf
from typing import Any, Generic, Protocol, TypeVar

from serving.core.batching_config import BatchingConfig
from serving.errors import DeadlineExceeded, Hopeless
from serving.scheduling.best_batch import best_seconds
from serving.scheduling.deadlines import Deadlines
from serving.scheduling.forecast import Forecast
from serving.scheduling.latency_model import LatencyModel
from serving.scheduling.ranked_queue import Entry, RankedQueue
from serving.scheduling.room import rooms
from serving.scheduling.scheduler import HERE, Event, Plan, Schedulable

_PATIENCE = 1.0
"""Seconds after which a request without a deadline is due, so that those with one don't starve it."""

_KEPT = 64
"""Groups without a request that are kept, since requests of a shape are likely to come again."""


class Prioritized(Schedulable, Protocol):
    @property
    def priority(self) -> int:
        """1 is the highest; 0 or one that the model does not have means its default."""


P = TypeVar("P", bound=Prioritized)


@dataclass(eq=False, slots=True)
class _Group(Generic[P]):
    """Those that may run together; `held` says until when each may be held back."""

    key: Hashable
    queue: RankedQueue[P]
    held: Deadlines[P]


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
        self._entries: dict[P, Entry[P]] = {}  # of every request that waits
        self._ticket = count()
        self._waiting: RankedQueue[P] = RankedQueue(self._entries)
        self._groups: dict[Hashable, _Group[P]] = {}
        self._ready: OrderedDict[Hashable, None] = OrderedDict()  # groups with a batch that is not held back
        self._deadlines: Deadlines[P] = Deadlines(self._entries)
        self._forecast = Forecast(places)
        self._refused_at = -inf  # when one last came too late

    def __repr__(self) -> str:
        return f"<DynamicBatcher {len(self)} waiting, {self._waiting.rows} rows>"

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, request: P, now: float) -> None:
        """Raises `Overloaded`, and its kind `Hopeless` where it could not be answered before its deadline."""
        level = self._config.level(request.priority)
        request.arrived = now
        if request.deadline < inf:
            self._check_in_time(request, level, now)
        self._rooms[level].enter()
        self._put(request, 2 * level)
        self._deadlines.add(request, request.expires)

    def learn(self, key: Hashable, place: Hashable, rows: int, seconds: float, now: float = -inf) -> None:
        """That a batch of such requests took so long, though it was none of theirs; `now` unless it was long ago."""
        self._forecast.learn(key, place, rows, seconds, now)

    def cancel(self, request: P) -> None:
        if request in self._entries:
            self._remove(self._groups[request.key], [request])

    def close(self) -> None:
        self._max_queue_delay = 0.0

    def schedule(self, now: float, instance: int = 0, /) -> Plan[P]:
        events = self.expire(now)[0] if self._deadlines.next() <= now else []
        while self._entries:
            group, wake_at = self._next_group(now, instance)
            if group is None:
                return Plan(wake_at=wake_at, events=events)
            model = self._forecast.model(group.key, instance) if self._deadlines else None
            if model is not None:
                events += self._drop_hopeless(group, model, now)
            if group.queue:
                batch = self._next_batch(group, model, now, self._share(group, instance))
                rows = self._remove(group, batch)
                self._forecast.begin(group.key, instance, rows, now)
                return Plan(batch, None, events, 0.0 if model is None else model.expected(rows))
        return Plan(events=events)

    def begin_alone(self, request: P, now: float, /) -> Plan[P] | None:
        if self._entries or self._max_queue_delay:
            return None
        model = self._forecast.model(request.key, HERE) if request.expires < inf else None
        ends = inf if model is None or request.rows > model.most_rows else now + model.safely(request.rows)
        if ends > request.expires:
            return None
        if not self._forecast.is_quick(request.key, request.rows, now, asks_again=True):  # once it is added
            return None
        request.arrived = now
        self._forecast.begin(request.key, HERE, request.rows, now)
        return Plan([request], expected=model.expected(request.rows) if model and request.deadline < inf else 0.0)

    def is_quick(self, now: float, /) -> bool:
        if not self._entries or self._deadlines.next() <= now:
            return False
        group, _ = self._next_group(now, HERE)
        if group is None:
            return False
        return self._forecast.is_quick(group.key, min(group.queue.rows, self._config.max_batch_size), now)

    def complete(self, batch: list[P], outcomes: Sequence[Any], now: float, instance: int = 0, /) -> list[Event[P]]:
        events = [
            Event(request, None, outcome) if isinstance(outcome, Exception) else Event(request, outcome)
            for request, outcome in zip(batch, outcomes, strict=True)
        ]
        self._forecast.end(instance, now, ran=any(event.error is None for event in events))
        return events

    def _check_in_time(self, request: P, level: int, now: float) -> None:
        """Raises `Hopeless` where it would be late."""
        model = None if self._config.policies[level].delays else self._forecast.quickest(request.key)
        if model is None:
            return
        left = request.deadline - now
        together = min(self._config.max_batch_size, max(1, model.rows_within(left)))
        ahead = self._waiting.rows_before(2 * level, self._due(request))
        wait = self._forecast.seconds_until_start(ahead, together, model, now)
        rows = max(request.rows, min(together, int(ahead % together) + request.rows))
        is_alone = not (wait or ahead)  # late, it would be in nobody's way
        takes = model.expected(rows) if is_alone else model.safely(rows)
        late = wait + takes - left
        if late > 0 and (not is_alone or self._forecast.is_of_late(request.key, now)):
            self._refused_at = now
            raise Hopeless(
                f"the request could not be answered in time: it would start in about {wait * 1000:.0f} ms, take "
                f"{model.expected(request.rows) * 1000:.0f} ms and has {max(0.0, left) * 1000:.0f} ms",
                retry_after=max(1, ceil(late)),
            )

    def _next_group(self, now: float, instance: int) -> tuple[_Group[P] | None, float | None]:
        """Whose batch runs now; None while all are held back, and until when."""
        head = self._waiting.head
        group = self._groups[head.key]
        if not self._max_queue_delay:
            return group, None
        due = group.held.next()
        model = self._forecast.model(head.key, instance) if self._deadlines else None
        if model is not None and not self._delays(head):
            due = min(due, head.deadline - model.safely(self._enough))
        if now >= due or head.key in self._ready:
            return group, None
        if self._ready:
            return self._groups[next(iter(self._ready))], None
        return None, min(due, self._deadlines.next())

    def _drop_hopeless(self, group: _Group[P], model: LatencyModel, now: float) -> list[Event[P]]:
        """Heads that would be late; and under overload, when more waits than a batch or some were refused lately, heads
        with so little time that their batch would be small, which costs those behind them more than it gives."""
        events: list[Event[P]] = []
        best: float | None = None
        while queue := group.queue:
            head = queue.head
            if head.deadline == inf or self._delays(head):
                break
            is_alone = len(self) == 1
            needed = model.expected(head.rows) if is_alone else model.safely(head.rows)
            was_refused = now - self._refused_at < head.deadline - head.arrived
            if was_refused or queue.rows > self._config.max_batch_size:
                best = best_seconds(queue, model, self._config.max_batch_size, now) if best is None else best
                needed = max(needed, best)
            if now + needed <= head.deadline or (is_alone and not self._forecast.is_of_late(group.key, now)):
                break
            self._remove(group, [head])
            events.append(Event(head, error=DeadlineExceeded("Request timeout would expire before it is answered")))
        return events

    def _share(self, group: _Group[P], instance: int) -> int:
        """Rows; all that fit in a batch where the config says how large it should be."""
        most = self._config.max_batch_size
        if self._max_queue_delay or len(self._preferred) > 1:
            return most
        return min(most, self._forecast.share(group.key, instance, group.queue.rows))

    def _next_batch(self, group: _Group[P], model: LatencyModel | None, now: float, most: int) -> list[P]:
        """The requests of a group that run together, by priority and then as they are due: as many as give the largest
        preferred size, or all within `most` rows where none does or the group was held back for its whole delay, and
        end in time.

        The first is taken whatever its size, so that a limit of 1 row means one request at a time.
        """
        batch: list[P] = []
        rows = preferred = 0
        limit = inf
        for request in group.queue:
            if batch and rows + request.rows > most:
                break
            if model is not None and not self._delays(request):
                limit = min(limit, request.deadline)
                if batch and now + model.safely(rows + request.rows) > limit:
                    break
            batch.append(request)
            rows += request.rows
            if rows in self._preferred:
                preferred = len(batch)
        was_held_back = self._max_queue_delay > 0 and now >= group.held.next()
        return batch[:preferred] if preferred and not was_held_back else batch

    def _delays(self, request: P) -> bool:
        return self._config.policies[self._entries[request][0] // 2].delays

    def _due(self, request: P) -> float:
        if self._config.preserve_ordering:
            return request.arrived
        return request.arrived + _PATIENCE if request.deadline == inf else request.deadline

    def expire(self, now: float, /) -> tuple[list[Event[P]], float]:
        events = []
        while self._deadlines.next() <= now:
            request = self._deadlines.pop()
            group, rank = self._groups[request.key], self._entries[request][0]
            delays = self._delays(request)
            self._remove(group, [request])
            if delays:
                self._rooms[rank // 2].enter()
                self._put(request, rank | 1)
            else:
                events.append(Event(request, error=DeadlineExceeded("Request timeout expired")))
        return events, self._deadlines.next()

    def _put(self, request: P, rank: int) -> None:
        entry = self._entries[request] = (rank, self._due(request), next(self._ticket), request)
        self._waiting.add(entry)
        group = self._groups.get(request.key)
        if group is None:
            group = _Group(request.key, RankedQueue(self._entries), Deadlines(self._entries))
            self._groups[request.key] = group
        group.queue.add(entry)
        if self._max_queue_delay:
            group.held.add(request, request.arrived + self._max_queue_delay)
            self._note_readiness(group)

    def _remove(self, group: _Group[P], requests: Sequence[P]) -> int:
        """Of that group; their rows."""
        rows = 0
        for request in requests:
            rows += request.rows
            self._rooms[self._entries.pop(request)[0] // 2].leave()
        self._waiting.left(len(requests), rows)
        group.queue.left(len(requests), rows)
        if self._max_queue_delay:
            self._note_readiness(group)
        if not group.queue and len(self._groups) > _KEPT:
            del self._groups[group.key]
        return rows

    def _note_readiness(self, group: _Group[P]) -> None:
        if group.queue and self._is_ready(group.queue):
            self._ready.setdefault(group.key)
        else:
            self._ready.pop(group.key, None)

    def _is_ready(self, queue: RankedQueue[P]) -> bool:
        """Whether it has rows for the largest preferred size, which no more would make better, or a preferred size."""
        if queue.rows >= self._enough:
            return True
        if len(self._preferred) == 1:
            return False
        return any(rows in self._preferred for rows in accumulate(request.rows for request in queue))
