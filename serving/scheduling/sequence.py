"""Triton's sequence batching: requests that share a sequence id run in order, on one instance, in one slot of it.

    START ─▶ backlog ── a slot is free ─▶ slot ── its END ran, it broke and ran dry, or idled too long ─▶ forgotten

Rule: the requests of an id run in the order in which they came, one at a time; a START begins anew in the same slot if
the sequence has not ended, and queues anew, behind the old one, if it has.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import ceil, inf
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from serving.core.sequence_config import SequenceConfig
from serving.errors import Cancelled, DeadlineExceeded, InstanceDied, InvalidInput, Overloaded
from serving.scheduling.deadlines import Deadlines
from serving.scheduling.scheduler import Event, Plan, Schedulable
from serving.scheduling.sequence_inputs import check, state_key


class SequenceSchedulable(Schedulable, Protocol):
    """`slot` and `sequence_state` are the scheduler's to set; whoever runs the request updates the state."""

    @property
    def sequence_id(self) -> int | str: ...

    @property
    def sequence_start(self) -> bool: ...

    @property
    def sequence_end(self) -> bool: ...

    slot: int
    sequence_state: dict[str, np.ndarray]


S = TypeVar("S", bound=SequenceSchedulable)


@dataclass(eq=False, slots=True)
class _Record(Generic[S]):
    """What is known of a sequence id: a sequence, and those of the same id that were started behind it."""

    id: int | str
    waiting: list[S] = field(default_factory=list)
    is_open: bool = False
    """Whether a request without START may follow the last one that was accepted."""
    running: bool = False
    instance: "_Instance[S] | None" = None
    slot: int = 0
    state: dict[str, np.ndarray] = field(default_factory=dict)
    """Belongs to all requests from one START to the next."""


@dataclass(eq=False, slots=True)
class _Instance(Generic[S]):
    slots: int
    unused: int = 0
    """The lowest slot that was never taken; those below it that are free are in `freed`, a heap."""
    freed: list[int] = field(default_factory=list)
    ready: dict[_Record[S], None] = field(default_factory=dict)
    """Records with a request to run next."""

    @property
    def free(self) -> int:
        return len(self.freed) + self.slots - self.unused

    def take(self) -> int:
        if self.freed:
            return heappop(self.freed)
        self.unused += 1
        return self.unused - 1


class SequenceBatcher(Generic[S]):
    """The sequences of all instances of a model version; `schedule` looks at those of one instance that can run."""

    pins = True

    def __init__(self, config: SequenceConfig, instance_count: int, max_queue_size: int, model_name: str) -> None:
        """`max_queue_size` in requests; `model_name` is for what callers are told."""
        self._config = config
        self._max_queue_size = max_queue_size
        self._model_name = model_name
        self._max_batch_size = min(max(1, config.max_batch_size), config.slots)
        self._max_queue_delay = config.max_queue_delay
        self._max_idle = config.max_idle
        self._enough = ceil(config.minimum_slot_utilization * config.slots - 1e-4)  # a config's floats are inexact
        self._instances: list[_Instance[S]] = [_Instance(config.slots) for _ in range(instance_count)]
        self._records: dict[int | str, _Record[S]] = {}
        self._backlog: OrderedDict[_Record[S], None] = OrderedDict()  # empty while any instance has a free slot
        self._waiting: dict[S, _Record[S]] = {}
        self._running: dict[S, _Record[S]] = {}
        self._idle: OrderedDict[_Record[S], float] = OrderedDict()  # since when; in a slot, and nothing waits or runs
        self._fell_idle: list[_Record[S]] = []  # the same, since the last call that brought the time
        self._untold: list[Event[S]] = []
        self._deadlines: Deadlines[S] = Deadlines(self._waiting)

    def __repr__(self) -> str:
        placed = len(self._records) - len(self._backlog)
        return (
            f"<SequenceBatcher {len(self)} waiting, {placed} sequences in slots, {len(self._backlog)} in the backlog>"
        )

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, request: S, now: float) -> None:
        """Raises `InvalidInput` for a request that is of no sequence, and `Overloaded`."""
        self._end_idle(now)
        check(self._config, self._model_name, request.sequence_id, request.rows)
        record = self._records.get(request.sequence_id)
        if not request.sequence_start and not (record and record.is_open):
            raise InvalidInput(
                f"inference request for sequence {request.sequence_id} to model '{self._model_name}' must specify the "
                "START flag on the first request of the sequence"
            )
        if len(self._waiting) >= self._max_queue_size:
            raise Overloaded(f"Exceeds maximum queue size: {len(self._waiting)} requests are already waiting")
        if record is None:
            record = self._records[request.sequence_id] = _Record(request.sequence_id)
            self._backlog[record] = None
        self._append(record, request, now)
        self._place_backlog()
        if not record.running:
            self._make_ready(record)

    def cancel(self, request: S) -> None:
        """The rest of its sequence is told with the next plan."""
        if record := self._waiting.get(request):
            error = Cancelled(f"a request of sequence {record.id} before this one was cancelled, start it anew")
            self._untold += [Event(follower, error=error) for follower in self._drop(record, request)]

    def close(self) -> None:
        """Sequences that are idle make room for those that wait."""
        self._max_queue_delay = self._max_idle = 0.0

    def schedule(self, now: float, instance: int = 0, /) -> Plan[S]:
        events, self._untold = self.expire(now)[0] + self._untold, []
        self._end_idle(now)
        batch, due = self._batch(self._instances[instance], now)
        if batch:
            return Plan([self._take_head(record) for record in batch], events=events)
        wake_at = min(due, self._deadlines.next(), self._next_idle_end() if self._backlog else inf)
        return Plan(wake_at=wake_at if wake_at < inf else None, events=events)

    def begin_alone(self, _: S, __: float, /) -> None:
        return None

    def is_quick(self, _: float, /) -> bool:
        return False

    def complete(self, batch: list[S], outcomes: Sequence[Any], _: float = 0.0, __: int = 0, /) -> list[Event[S]]:
        if any(isinstance(outcome, InstanceDied) and outcome.lost_sequences for outcome in outcomes):
            self._break_all(self._running[batch[0]].instance)
        for request in batch:
            record = self._running.pop(request)
            record.running = False
            others_wait_for_its_slot = request.sequence_end and self._backlog
            if record.waiting and not others_wait_for_its_slot:
                self._make_ready(record)
            elif request.sequence_end or not record.is_open:
                self._leave(record)
            else:
                self._fell_idle.append(record)
        return [_event(request, outcome) for request, outcome in zip(batch, outcomes, strict=True)]

    def _break_all(self, instance: "_Instance[S] | None") -> None:
        """What its sequences were about is lost; what a START begins anew goes on."""
        for record in [record for record in self._records.values() if record.instance is instance]:
            if not record.waiting:
                record.is_open = False
                if not record.running:
                    self._fell_idle = [each for each in self._fell_idle if each is not record]
                    self._leave(record)
            elif not (first := record.waiting[0]).sequence_start:
                error = InstanceDied(f"what the model knew of sequence {record.id} is lost, start it anew")
                self._untold += [Event(each, error=error) for each in (first, *self._drop(record, first))]

    def _batch(self, instance: _Instance[S], now: float) -> tuple[list[_Record[S]], float]:
        """Whose heads run now; or nobody's, and when they will at the latest."""
        heads = sorted(instance.ready, key=lambda record: record.waiting[0].arrived)
        if not heads:
            return [], inf
        key = self._key(heads[0])
        batch = [record for record in heads if self._key(record) == key][: self._max_batch_size]
        due = heads[0].waiting[0].arrived + self._max_queue_delay
        if now < due:
            batch = batch[: self._worth_running(len(batch), len(heads))]
        if self._config.strategy == "direct":
            batch.sort(key=lambda record: record.slot)
        return batch, due

    def _worth_running(self, joining: int, ready: int) -> int:
        """How many of those that can run together do so before they are due."""
        if self._config.strategy == "direct":
            return joining if ready >= self._enough else 0
        if joining == self._max_batch_size:
            return joining
        return max((size for size in self._config.preferred_batch_sizes if size <= joining), default=0)

    def _key(self, record: _Record[S]) -> Hashable:
        head = record.waiting[0]
        return head.key, state_key(self._config, head.sequence_state)

    def _append(self, record: _Record[S], request: S, now: float) -> None:
        if request.sequence_start:
            record.state = {}
        record.is_open = not request.sequence_end
        record.waiting.append(request)
        request.arrived = now
        request.sequence_state = record.state
        self._waiting[request] = record
        self._deadlines.add(request, request.expires)

    def _take_head(self, record: _Record[S]) -> S:
        request = record.waiting.pop(0)
        request.slot = record.slot
        del self._waiting[request]
        self._running[request] = record
        record.running = True
        if record.instance is not None:
            del record.instance.ready[record]
        return request

    def _make_ready(self, record: _Record[S]) -> None:
        self._idle.pop(record, None)
        if record.instance is not None:
            record.instance.ready[record] = None

    def _place_backlog(self) -> None:
        """The longest in the backlog first, each where most slots are free."""
        while self._backlog:
            instance = max(self._instances, key=lambda instance: instance.free)
            if not instance.free:
                return
            record, _ = self._backlog.popitem(last=False)
            record.instance, record.slot = instance, instance.take()
            self._make_ready(record)

    def _leave(self, record: _Record[S]) -> None:
        """Its slot, or its place in the backlog, is free; a sequence that was started behind it queues anew.

        Whoever takes it is on the same instance, which asks next; nothing wakes another.
        """
        self._idle.pop(record, None)
        self._backlog.pop(record, None)
        if record.instance is not None:
            record.instance.ready.pop(record, None)
            heappush(record.instance.freed, record.slot)
            record.instance = None
        if record.waiting:
            self._backlog[record] = None
        else:
            del self._records[record.id]
        self._place_backlog()

    def _drop(self, record: _Record[S], request: S) -> list[S]:
        """Take a waiting request and those after it out, up to the next START; the ones after it are returned."""
        first = record.waiting.index(request)
        last = first + 1
        while last < len(record.waiting) and not record.waiting[last].sequence_start:
            last += 1
        record.is_open = record.is_open and last < len(record.waiting)
        dropped = record.waiting[first:last]
        del record.waiting[first:last]
        for each in dropped:
            del self._waiting[each]
        if not (record.waiting or record.running):
            self._leave(record)
        return dropped[1:]

    def _end_idle(self, now: float) -> None:
        self._idle.update((record, now) for record in self._fell_idle)
        self._fell_idle.clear()
        while self._next_idle_end() <= now:
            self._leave(next(iter(self._idle)))

    def _next_idle_end(self) -> float:
        return next(iter(self._idle.values())) + self._max_idle if self._idle else inf

    def expire(self, now: float, /) -> tuple[list[Event[S]], float]:
        events = []
        while self._deadlines.next() <= now:
            request = self._deadlines.pop()
            record = self._waiting[request]
            of_sequence = "timeout of the corresponding sequence has been expired"
            words = of_sequence if record.instance is None else "Request timeout expired"
            events.append(Event(request, error=DeadlineExceeded(words)))
            rest = f"{of_sequence}: a request of sequence {record.id} before this one was dropped, start it anew"
            events += [Event(each, error=DeadlineExceeded(rest)) for each in self._drop(record, request)]
        return events, self._deadlines.next()


def _event(request: S, outcome: Any) -> Event[S]:
    return Event(request, error=outcome) if isinstance(outcome, Exception) else Event(request, outcome)
