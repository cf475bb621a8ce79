"""What is asked of latencies, and whether a run held it.

Rule: a request that was not answered missed every objective. A run holds an objective when so few misses would be
unlikely if it did not.
Source: the early stopping criterion of MLPerf Inference's rules, by which its Server scenario is judged: the number of
misses is binomial, and a percentile is shown with 99 % confidence.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from math import exp, lgamma, log

from loadtests.histogram import decoded
from loadtests.outcomes import Fate
from loadtests.result import Latencies, Result

_CONFIDENCE = 0.99
_WRITTEN = re.compile(r"(?:(ttft|itl)_)?p(\d{1,2}(?:\.\d+)?)\s*<\s*(\d+(?:\.\d+)?)\s*(us|ms|s)")
_IN_A_SECOND = {"us": 1e6, "ms": 1e3, "s": 1.0}
_SENTENCE = "an objective is written as in p99<50ms, ttft_p95<200ms or itl_p99<30ms"


class Measure(StrEnum):
    LATENCY = "latency"
    TTFT = "ttft"
    """To the first token of a stream."""
    ITL = "itl"
    """Between tokens."""


@dataclass(frozen=True, slots=True)
class Objective:
    """At most `limit` seconds for `percent` of all requests, or for a stream's gaps of all gaps."""

    measure: Measure
    percent: float
    limit: float

    def __str__(self) -> str:
        prefix = "" if self.measure is Measure.LATENCY else f"{self.measure}_"
        return f"{prefix}p{self.percent:g}<{self.limit * 1e3:g}ms"


@dataclass(frozen=True, slots=True)
class Attainment:
    """Of `counted` requests or gaps, `within` were in time. `surely` is true where the verdict `held` is no chance."""

    counted: int
    within: int
    held: bool
    surely: bool

    @property
    def share(self) -> float:
        return self.within / self.counted if self.counted else 0.0


def parsed(text: str) -> Objective:
    """Raises `ValueError` with how it is written."""
    found = _WRITTEN.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{_SENTENCE}, not '{text}'")
    measure, percent, limit, unit = found.groups()
    if not float(percent) or not float(limit):
        raise ValueError(f"{_SENTENCE}, with a percentage and a time above 0, not '{text}'")
    return Objective(Measure(measure or "latency"), float(percent), float(limit) / _IN_A_SECOND[unit])


def attainment(result: Result, objective: Objective) -> Attainment:
    latencies = _latencies(result, objective.measure)
    answered = decoded(latencies.histogram, latencies.mean).within(objective.limit) if latencies else 0
    counted = result.requests
    if objective.measure is Measure.ITL:
        counted = (latencies.count if latencies else 0) + result.requests - result.fates.get(Fate.ANSWERED, 0)
    return judged(counted, answered, objective.percent)


def judged(counted: int, within: int, percent: float) -> Attainment:
    allowed, misses = 1 - percent / 100, counted - within
    held = counted > 0 and misses <= allowed * counted
    chance = at_most(misses, counted, allowed) if held else 1 - at_most(misses - 1, counted, allowed)
    return Attainment(counted, within, held, surely=chance <= 1 - _CONFIDENCE)


def at_most(misses: int, counted: int, share: float) -> float:
    """The probability of at most so many misses where each of `counted` is one with probability `share`."""
    if misses < 0:
        return 0.0
    if misses >= counted:
        return 1.0
    return min(1.0, sum(map(exp, (_log_binomial(k, counted, share) for k in range(misses + 1)))))


def _log_binomial(k: int, n: int, share: float) -> float:
    ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return ways + k * log(share) + (n - k) * log(1 - share)


def _latencies(result: Result, measure: Measure) -> Latencies | None:
    return {Measure.LATENCY: result.latency, Measure.TTFT: result.first, Measure.ITL: result.gap}[measure]
