"""What Prometheus makes of what it scraped: rates over a window, and the last value.

Rule: a rate is reckoned as Prometheus does it, drawn out to the window's ends.
Source: its documentation of `rate`. A replica that is gone counts while the window holds two of its samples.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from loadtests.autoscaling.replica import Counters

_LOST = 300.0  # seconds after which a value that came from nobody anew is none


class Signal(StrEnum):
    """`IN_FLIGHT`, `WAITING` and `PER_SECOND` are what the chart scales by; `BUSY` is the share of time that instances
    compute, as utilisation of a processor or GPU sees it."""

    IN_FLIGHT = "requests in flight"
    WAITING = "requests waiting"
    PER_SECOND = "requests a second"
    BUSY = "utilisation"


@dataclass(frozen=True, slots=True)
class Sample:
    at: float
    counters: Counters


_COUNTED: dict[Signal, Callable[[Counters], float]] = {
    Signal.IN_FLIGHT: lambda counters: counters.seconds,
    Signal.PER_SECOND: lambda counters: counters.answered + counters.refused,
    Signal.BUSY: lambda counters: counters.busy,
}


def value(signal: Signal, samples: Sequence[Sample], window: float, now: float) -> float | None:
    """Of one replica; None while there is too little."""
    if signal is Signal.WAITING:
        found = samples and now - samples[-1].at < _LOST
        return float(samples[-1].counters.waiting) if found else None
    counted = _COUNTED[signal]
    points = [(sample.at, counted(sample.counters)) for sample in samples if now - window < sample.at <= now]
    return rate(points, window, now)


def rate(points: Sequence[tuple[float, float]], window: float, now: float) -> float | None:
    """A second, of a counter's samples within the window."""
    if len(points) < 2:
        return None
    (first, low), (last, high) = points[0], points[-1]
    rise, sampled = high - low, last - first
    between = sampled / (len(points) - 1)
    before, after = first - (now - window), now - last
    if rise > 0 and low >= 0:
        before = min(before, sampled * low / rise)  # a counter was not below 0
    drawn = sum(gap if gap < 1.1 * between else between / 2 for gap in (before, after))
    return rise * (sampled + drawn) / sampled / window
