"""A scheduler against arrivals in virtual time: microseconds of real time, and no threads.

Rule: what is told, run and refused is kept, and nothing is decided here; an instance asks whenever it is free.
"""

import heapq
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, Generic

from serving.errors import SlipwayError
from serving.scheduling.scheduler import HERE, Event, R, Scheduler


@dataclass
class Record:
    """Everything a scheduler did: what it told whom and when, what it ran when, what it refused."""

    events: list[tuple[float, Event[Any]]] = field(default_factory=list)
    batches: list[tuple[float, list[Any]]] = field(default_factory=list)
    refused: list[tuple[Any, SlipwayError]] = field(default_factory=list)
    cancelled: list[tuple[float, Any]] = field(default_factory=list)
    left_waiting: list[list[Any]] = field(default_factory=list)
    """For each batch, the requests that waited when it started."""
    idle_waits: list[tuple[float, float, list[Any]]] = field(default_factory=list)
    """(from, until, the requests that waited) of each time an instance was idle while requests waited."""
    alone: list[Any] = field(default_factory=list)
    """Those that began alone, without the queue; each is a batch too."""


def simulate(
    scheduler: Scheduler[R],
    arrivals: Iterable[tuple[float, R]],
    service_time: Callable[[list[R]], float],
    instances: int = 1,
    cancels: Iterable[tuple[float, R]] = (),
    lone: Collection[R] = (),
) -> Record:
    """A request that is cancelled before it arrives, or after it ended, is left alone. Those that are `lone` may begin
    alone where an instance is idle; whatever comes until such a one has ended comes then."""
    simulation = _Simulation(scheduler, service_time, instances, lone)
    for at, request in arrivals:
        simulation.at(at, partial(simulation.arrive, request))
    for at, request in cancels:
        simulation.at(at, partial(simulation.cancel, request))
    return simulation.run()


class _Simulation(Generic[R]):
    def __init__(
        self, scheduler: Scheduler[R], service_time: Callable[[list[R]], float], instances: int, lone: Collection[R]
    ) -> None:
        self._scheduler = scheduler
        self._service_time = service_time
        self._idle = list(range(instances))
        self._lone = lone
        self._record = Record()
        self._now = 0.0
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._waiting: dict[R, None] = {}

    def at(self, time: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (time, next(self._order), act))

    def run(self) -> Record:
        while self._agenda:
            time, _, act = heapq.heappop(self._agenda)
            self._now = max(self._now, time)
            act()
            while self._idle and self._starts():
                pass
        return self._record

    def arrive(self, request: R) -> None:
        if self._idle and request in self._lone and self._scheduler.begin_alone(request, self._now):
            self._record.alone.append(request)
            self._started([request])
            self._now += self._service_time([request])
            self._completed([request], HERE)
            return
        try:
            self._scheduler.add(request, self._now)
            self._waiting[request] = None
        except SlipwayError as error:
            self._record.refused.append((request, error))

    def cancel(self, request: R) -> None:
        self._scheduler.cancel(request)
        self._record.cancelled.append((self._now, request))
        self._waiting.pop(request, None)

    def _starts(self) -> bool:
        """Whether an idle instance had something to run."""
        plan = self._scheduler.schedule(self._now, self._idle[-1])
        self._tell(plan.events)
        for request in (*(event.request for event in plan.events), *(plan.batch or ())):
            self._waiting.pop(request)
        if plan.batch is None:
            if plan.wake_at is not None:
                self._record.idle_waits.append((self._now, plan.wake_at, list(self._waiting)))
                self.at(plan.wake_at, lambda: None)  # when it asks again
            return False
        self._started(plan.batch)
        self.at(self._now + self._service_time(plan.batch), partial(self._end, plan.batch, self._idle.pop()))
        return True

    def _started(self, batch: list[R]) -> None:
        self._record.batches.append((self._now, batch))
        self._record.left_waiting.append(list(self._waiting))

    def _end(self, batch: list[R], instance: int) -> None:
        self._idle.append(instance)
        self._completed(batch, instance)

    def _completed(self, batch: list[R], instance: int) -> None:
        self._tell(self._scheduler.complete(batch, [None] * len(batch), self._now, instance))

    def _tell(self, events: Iterable[Event[R]]) -> None:
        self._record.events += [(self._now, event) for event in events]
