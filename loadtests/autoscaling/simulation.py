"""Replicas behind a balancer, scraped and scaled, in virtual time.

    arrivals ─▶ balancer ─▶ replicas ─▶ scrapes ─▶ a window's rates ─▶ the autoscaler ─▶ replicas that start, or leave

Rule: the same arrivals and seed give the same outcome; the autoscaler sees nothing that Prometheus would not tell.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from math import inf
from random import Random

import numpy as np

from loadtests.autoscaling.horizontal import SYNC, Horizontal, Rules, of_pods, of_total
from loadtests.autoscaling.replica import Replica, Request, Service
from loadtests.autoscaling.scraped import Sample, Signal, value
from loadtests.load import Open, departures

_LOOK = 1.0  # seconds between two entries of the record
_HEARD = 2.0  # seconds until every balancer has heard of a replica that is told to end
_PATIENCE = 60.0  # seconds that are waited for answers after the last arrival


@dataclass(frozen=True, slots=True)
class Setup:
    """`targets` are for each replica; `start_up` is from when a replica is asked for to when it takes requests.

    `per_pod` asks as HPA does through prometheus-adapter, otherwise as KEDA does.
    """

    targets: Mapping[Signal, float]
    rules: Rules = field(default_factory=Rules)
    replicas: int = 2
    start_up: float = 60.0
    scrape: float = 15.0
    window: float = 60.0
    per_pod: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Look:
    """`replicas` take requests, `asked` is how many there are to be; `waiting` requests in all queues together."""

    at: float
    replicas: int
    asked: int
    waiting: int


@dataclass(slots=True)
class Outcome:
    """`latencies` as callers see them, infinite where there was no answer, beside when each request arrived."""

    arrivals: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)


class Cluster:
    """A replica that is told to end takes requests until every balancer has heard of it, and answers what it has."""

    def __init__(self, service: Service, setup: Setup) -> None:
        self._service, self._setup = service, setup
        self._random, self._order, self._numbers = Random(setup.seed), count(), count()
        self._agenda: list[tuple[float, int, Callable[[float], None]]] = []
        self._asked: list[int] = []  # the numbers of those that there are to be, the youngest last
        self._takers: list[Replica] = []
        self._replicas: dict[int, Replica] = {}  # that are ready, or were
        self._samples: dict[int, deque[Sample]] = {}
        self._scaler = Horizontal(setup.rules)
        self._under_way = 0
        self.outcome = Outcome()
        for _ in range(setup.replicas):
            self._start(0.0)
        self._at(0.0, self._look)
        self._at(self._random.uniform(0, SYNC), self._sync)

    def run(self, arrivals: Iterable[float]) -> Outcome:
        """In order, in seconds."""
        at = 0.0
        for number, at in enumerate(arrivals):
            self._until(at)
            self._arrive(number, at)
        while self._under_way and self._agenda[0][0] < at + _PATIENCE:
            self._until(self._agenda[0][0])
        return self.outcome

    def _at(self, at: float, action: Callable[[float], None]) -> None:
        heapq.heappush(self._agenda, (at, next(self._order), action))

    def _until(self, at: float) -> None:
        agenda = self._agenda
        while agenda[0][0] <= at:
            now, _, action = heapq.heappop(agenda)
            action(now)

    def _arrive(self, number: int, now: float) -> None:
        self.outcome.arrivals.append(now)
        self.outcome.latencies.append(inf)
        if self._takers:
            replica = self._takers[int(self._random.random() * len(self._takers))]
            if replica.take(number, now):
                self._begin(replica, now)

    def _begin(self, replica: Replica, now: float) -> None:
        for ends, instance, batch in replica.begin(now):
            self._under_way += 1
            self._at(ends, partial(self._end, replica, instance, batch))

    def _end(self, replica: Replica, instance: int, batch: list[Request], now: float) -> None:
        self._under_way -= 1
        replica.end(instance, batch, now)
        latencies, overhead = self.outcome.latencies, self._service.overhead
        for request in batch:
            latencies[request.number] = now - request.arrived + overhead
        self._begin(replica, now)

    def _start(self, ready: float) -> None:
        number = next(self._numbers)
        self._asked.append(number)
        self._at(ready, partial(self._be_ready, number))

    def _be_ready(self, number: int, now: float) -> None:
        if number in self._asked:
            replica = self._replicas[number] = Replica(self._service)
            self._takers.append(replica)
            self._samples[number] = deque()
            self._at(now + self._random.uniform(0, self._setup.scrape), partial(self._scrape, number))

    def _stop(self, now: float) -> None:
        """The youngest, as one that is not ready yet is stopped first."""
        replica = self._replicas.get(self._asked.pop())
        if replica is not None:
            self._at(now + _HEARD, lambda _: self._takers.remove(replica))

    def _scrape(self, number: int, now: float) -> None:
        samples, oldest = self._samples[number], now - self._setup.window - self._setup.scrape
        samples.append(Sample(now, self._replicas[number].counters(now)))
        while samples[0].at < oldest:
            samples.popleft()
        if number in self._asked:
            self._at(now + self._setup.scrape, partial(self._scrape, number))

    def _sync(self, now: float) -> None:
        current = len(self._asked)
        wanted = [self._wanted(signal, target, now) for signal, target in self._setup.targets.items()]
        decided = self._scaler.decide(wanted, current, now)
        for _ in range(decided - current):
            self._start(now + self._setup.start_up)
        for _ in range(current - decided):
            self._stop(now)
        self._at(now + SYNC, self._sync)

    def _wanted(self, signal: Signal, target: float, now: float) -> int | None:
        setup, current = self._setup, len(self._asked)
        values = {
            number: found
            for number, samples in self._samples.items()
            if (found := value(signal, samples, setup.window, now)) is not None
        }
        if setup.per_pod:
            asked = {number: values[number] for number in self._asked if number in values}
            return of_pods(asked, current - len(asked), target, current)
        return of_total(sum(values.values()), target, current) if values else None

    def _look(self, now: float) -> None:
        waiting = sum(replica.waiting for replica in self._takers)
        self.outcome.looks.append(Look(now, len(self._takers), len(self._asked), waiting))
        self._at(now + _LOOK, self._look)


def alone(service: Service, rate: float, seconds: float, seed: int = 0) -> np.ndarray:
    """How long the callers of one replica wait whose requests arrive at random."""
    cluster = Cluster(service, Setup({}, replicas=1, seed=seed))
    return np.array(cluster.run(departures(Open(rate), seconds, seed)).latencies)
