"""A scheduler against arrivals in virtual time: microseconds of real time, and no threads.

Rule: what is told, run and refused is kept, and nothing is decided here; an instance asks whenever it is free.
"""

import heapq
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

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
    order, record, idle = count(), Record(), list(range(instances))
    agenda: list[tuple[float, int, str, Any]] = []
    waiting: dict[R, None] = {}
    for what, timeline in (("arrive", arrivals), ("cancel", cancels)):
        for at, request in timeline:
            heapq.heappush(agenda, (at, next(order), what, request))
    now = 0.0
    while agenda:
        at, _, what, subject = heapq.heappop(agenda)
        now = max(now, at)
        if what == "arrive" and idle and subject in lone and scheduler.begin_alone(subject, now):
            record.alone.append(subject)
            record.batches.append((now, [subject]))
            record.left_waiting.append(list(waiting))
            now += service_time([subject])
            record.events += [(now, event) for event in scheduler.complete([subject], [None], now, HERE)]
        elif what == "arrive":
            try:
                scheduler.add(subject, now)
                waiting[subject] = None
            except SlipwayError as error:
                record.refused.append((subject, error))
        elif what == "cancel":
            scheduler.cancel(subject)
            record.cancelled.append((now, subject))
            waiting.pop(subject, None)
        elif what == "done":
            instance, batch = subject
            idle.append(instance)
            record.events += [(now, event) for event in scheduler.complete(batch, [None] * len(batch), now, instance)]
        while idle:
            plan = scheduler.schedule(now, idle[-1])
            record.events += [(now, event) for event in plan.events]
            for request in (*(event.request for event in plan.events), *(plan.batch or ())):
                waiting.pop(request)
            if plan.batch is None:
                if plan.wake_at is not None:
                    record.idle_waits.append((now, plan.wake_at, list(waiting)))
                    heapq.heappush(agenda, (plan.wake_at, next(order), "wake", None))
                break
            instance = idle.pop()
            record.batches.append((now, plan.batch))
            record.left_waiting.append(list(waiting))
            heapq.heappush(agenda, (now + service_time(plan.batch), next(order), "done", (instance, plan.batch)))
    return record
