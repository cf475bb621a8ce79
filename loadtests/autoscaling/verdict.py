"""What came of it: how many requests were in time, and how many replicas that took.

Rule: a request that was not answered was not in time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from loadtests.autoscaling.horizontal import SYNC
from loadtests.autoscaling.simulation import Outcome, Setup

_BIN = 10.0  # seconds
_MINUTE = 60.0
_LEVEL = 30.0  # seconds, over which a rate is looked at where it is compared with a later one
_REMEMBERED = 300.0  # seconds that an autoscaler waits before it takes replicas away


@dataclass(frozen=True, slots=True)
class Verdict:
    """`within` is the share of requests in time, `worst` that of the worst minute. Replica hours are of those that took
    requests, and of as many as would have been enough had they been there in time."""

    within: float
    worst: float
    used: float
    needed: float
    most: int


def verdict(outcome: Outcome, limit: float, capacity: float, least: int = 1) -> Verdict:
    """`limit` in seconds; `capacity` is what a replica can do in that limit."""
    arrivals, in_time = np.array(outcome.arrivals), np.array(outcome.latencies) <= limit
    return Verdict(
        float(in_time.mean()),
        float(min(shares(arrivals, in_time, _MINUTE).values())),
        sum(look.replicas for look in outcome.looks) / 3600,
        sum(max(least, count) for count in enough(arrivals, capacity)) * _BIN / 3600,
        max(look.asked for look in outcome.looks),
    )


def shares(arrivals: np.ndarray, in_time: np.ndarray, span: float) -> dict[float, float]:
    """Of each span of time, by when it began."""
    bins = (arrivals // span).astype(int)
    counts, good = np.bincount(bins), np.bincount(bins, weights=in_time)
    return {number * span: float(good[number] / counts[number]) for number in np.flatnonzero(counts)}


def enough(arrivals: np.ndarray, capacity: float, span: float = _BIN) -> list[int]:
    """Replicas for each span of time's requests."""
    return [ceil(count / span / capacity) for count in np.bincount((arrivals // span).astype(int))]


def growth(arrivals: Sequence[float], seconds: float, least: float) -> float:
    """By which share, at most, more requests came so many seconds later than replicas were there for: those of the
    highest rate of the last minutes, or of `least` requests a second."""
    at = np.array(arrivals)
    begin = np.arange(0.0, at[-1] - _LEVEL, _BIN)
    rates = (np.searchsorted(at, begin + _LEVEL) - np.searchsorted(at, begin)) / _LEVEL
    later, remembered = round(seconds / _BIN), round(_REMEMBERED / _BIN)
    before = [max(least, *rates[max(0, last - remembered) : last + 1]) for last in range(len(rates) - later)]
    return float(np.max(rates[later:] / before, initial=1.0)) - 1 if before else 0.0


def lag(setup: Setup) -> float:
    """Seconds from when the load has grown to when what was asked for because of it takes requests, about: half a
    window, a scrape and a look of the autoscaler, and the start. What grows by more than the room above the target in
    that time is not held."""
    return setup.window / 2 + setup.scrape / 2 + SYNC / 2 + setup.start_up
