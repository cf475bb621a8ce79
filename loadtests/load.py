"""When requests leave.

Rule: the same seed gives the same times, so that what is compared meets the same load; several senders share one
sequence of times, so that more of them make no other load.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf, sqrt
from random import Random


@dataclass(frozen=True, slots=True)
class Closed:
    """`concurrency` callers, who each send their next request when the one before is answered.

    It finds how much a server can do. It hides how long people wait: while a server stalls, nobody asks it.
    """

    concurrency: int


@dataclass(frozen=True, slots=True)
class Open:
    """Requests leave at `rate` a second, whether or not earlier ones came back; at the end at `until` a second.

    `variation` is that of the gaps, their standard deviation in means: 0 for a constant pace, 1 for a Poisson process,
    more for bursts (gaps of a gamma distribution).
    """

    rate: float
    until: float | None = None
    variation: float = 1.0

    @property
    def last(self) -> float:
        return self.rate if self.until is None else self.until


@dataclass(frozen=True, slots=True)
class Replay:
    """Requests leave at recorded `times`, in seconds from the first and in order."""

    times: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Phased:
    """One load after another, each of so many seconds."""

    phases: tuple[tuple[float, Open], ...]


Load = Closed | Open | Replay | Phased


def departures(load: Open | Replay | Phased, seconds: float, seed: int) -> Iterator[float]:
    """Times in [0, seconds), in order."""
    if isinstance(load, Phased):
        times: Iterable[float] = _one_after_another(load, seed)
    else:
        times = load.times if isinstance(load, Replay) else _times(load, seconds, seed)
    for time in times:
        if time >= seconds:
            return
        yield time


def shared(times: Iterator[float], sender: int, senders: int) -> Iterator[tuple[int, float]]:
    """What one of `senders` has to send, of all: the number of each departure, and when."""
    return ((number, time) for number, time in enumerate(times) if number % senders == sender)


def _one_after_another(load: Phased, seed: int) -> Iterator[float]:
    begin = 0.0
    for number, (seconds, phase) in enumerate(load.phases):
        yield from (begin + time for time in departures(phase, seconds, seed + number))
        begin += seconds


def _times(load: Open, seconds: float, seed: int) -> Iterator[float]:
    """A process of one a second on average, in a time that runs as fast as the rate is."""
    for passed in _unit(load.variation, seed):
        yield _when(load, passed, seconds)


def _unit(variation: float, seed: int) -> Iterator[float]:
    random, passed = Random(seed), 0.0
    if not variation:
        while True:
            yield passed
            passed += 1.0
    shape = variation**-2
    while True:
        passed += random.gammavariate(shape, 1.0 / shape)
        yield passed


def _when(load: Open, count: float, seconds: float) -> float:
    """The time by which `count` requests are due: of rate * t + (until - rate) * t^2 / (2 * seconds) = count."""
    steepness = (load.last - load.rate) / seconds
    if not steepness:
        return count / load.rate
    under = load.rate**2 + 2 * steepness * count
    return inf if under < 0 else 2 * count / (load.rate + sqrt(under))
