"""One replica in virtual time: the server's own batcher, and how long its batches take.

Rule: what a scrape of the real server would tell is counted here as the server counts it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import ClassVar, NamedTuple

from serving.core.batching_config import BatchingConfig
from serving.engine.schedulers import DEFAULT_MAX_QUEUE_SIZE
from serving.errors import Overloaded
from serving.scheduling.dynamic import DynamicBatcher


@dataclass(frozen=True, slots=True)
class Service:
    """A batch of so many requests takes `base + each * requests` seconds on one of so many instances. `overhead` is
    what a caller waits beside queue and batch. A request with an `objective` is not begun where it would be late."""

    base: float
    each: float
    largest: int = 1
    instances: int = 1
    overhead: float = 0.0
    objective: float = inf

    def seconds(self, requests: int) -> float:
        return self.base + self.each * requests

    @property
    def limit(self) -> float:
        """Requests a second, with the largest batches; what holds an objective is less."""
        return self.instances * self.largest / self.seconds(self.largest)


class Counters(NamedTuple):
    """Since the start, but `waiting`, which is now. Of answered requests `seconds` from the queue's door to the answer;
    `busy` of instances."""

    seconds: float = 0.0
    answered: int = 0
    refused: int = 0
    busy: float = 0.0
    waiting: int = 0


class Request:
    """Of one row; all alike."""

    __slots__ = ("arrived", "deadline", "number")
    rows: ClassVar[int] = 1
    key: ClassVar[tuple[()]] = ()
    priority: ClassVar[int] = 0

    def __init__(self, number: int, arrived: float, deadline: float) -> None:
        self.number, self.arrived, self.deadline = number, arrived, deadline

    @property
    def expires(self) -> float:
        return self.deadline


class Replica:
    def __init__(self, service: Service) -> None:
        self._service = service
        config = BatchingConfig(service.largest, 0.0, (service.largest,))
        self._batcher: DynamicBatcher[Request] = DynamicBatcher(
            config, DEFAULT_MAX_QUEUE_SIZE, ["cpu"] * service.instances
        )
        for rows in {1, service.largest}:
            self._batcher.learn((), "cpu", rows, service.seconds(rows))
        self._idle = list(range(service.instances))
        self._ends: dict[int, float] = {}
        self._seconds = self._busy = 0.0
        self._answered = self._refused = 0

    def take(self, number: int, now: float) -> bool:
        """Whether it was not refused."""
        try:
            self._batcher.add(Request(number, now, now + self._service.objective), now)
        except Overloaded:
            self._refused += 1
            return False
        return True

    def begin(self, now: float) -> Iterator[tuple[float, int, list[Request]]]:
        """When each batch that begins now will end, on which instance, and what it holds."""
        while self._idle:
            plan = self._batcher.schedule(now, self._idle[-1])
            self._refused += len(plan.events)
            if plan.batch is None:
                return
            instance, seconds = self._idle.pop(), self._service.seconds(len(plan.batch))
            self._busy += seconds
            self._ends[instance] = now + seconds
            yield now + seconds, instance, plan.batch

    def end(self, instance: int, batch: list[Request], now: float) -> None:
        self._batcher.complete(batch, [None] * len(batch), now, instance)
        self._idle.append(instance)
        del self._ends[instance]
        self._answered += len(batch)
        self._seconds += sum([now - request.arrived for request in batch])

    @property
    def waiting(self) -> int:
        return len(self._batcher)

    def counters(self, now: float) -> Counters:
        busy = self._busy - sum(end - now for end in self._ends.values())
        return Counters(self._seconds, self._answered, self._refused, busy, len(self._batcher))
