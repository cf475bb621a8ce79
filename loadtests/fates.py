"""What became of the requests of a run, and the figures that are made of it.

Rule: every request that was sent counts, once; who is told "no" in time is still not served.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from statistics import median

import numpy as np


class Outcome(Enum):
    ANSWERED = auto()
    REFUSED = auto()  # at the door
    DROPPED = auto()  # after it waited
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class Fate:
    """Of one request; `objective` and `latency` in seconds from when it was meant to leave."""

    objective: float
    latency: float
    outcome: Outcome

    @property
    def is_in_time(self) -> bool:
        return self.outcome is Outcome.ANSWERED and self.latency <= self.objective


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares in percent of all that were sent, rates per second, times in milliseconds (0 where there is none).

    `attainment` has the share that was answered in time by objective, the tightest first.
    """

    sent: int
    in_time: float
    goodput: float
    throughput: float
    refused: float
    dropped: float
    late: float
    failed: float
    p50: float
    p99: float
    refused_p99: float
    dropped_p99: float
    attainment: tuple[float, ...]


def figures(fates: Sequence[Fate], seconds: float) -> Figures:
    """Of requests that left within so many seconds."""
    answered = _latencies(fates, Outcome.ANSWERED)
    in_time = sum(fate.is_in_time for fate in fates)
    classes = [[fate for fate in fates if fate.objective == each] for each in sorted({it.objective for it in fates})]

    def share(outcome: Outcome) -> float:
        return _percent(len(_latencies(fates, outcome)), len(fates))

    return Figures(
        sent=len(fates),
        in_time=_percent(in_time, len(fates)),
        goodput=round(in_time / seconds, 2),
        throughput=round(len(answered) / seconds, 2),
        refused=share(Outcome.REFUSED),
        dropped=share(Outcome.DROPPED),
        late=_percent(len(answered) - in_time, len(fates)),
        failed=share(Outcome.FAILED),
        p50=_percentile_ms(answered, 50),
        p99=_percentile_ms(answered, 99),
        refused_p99=_percentile_ms(_latencies(fates, Outcome.REFUSED), 99),
        dropped_p99=_percentile_ms(_latencies(fates, Outcome.DROPPED), 99),
        attainment=tuple(_percent(sum(fate.is_in_time for fate in each), len(each)) for each in classes),
    )


def _latencies(fates: Sequence[Fate], outcome: Outcome) -> list[float]:
    return [fate.latency for fate in fates if fate.outcome is outcome]


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


def _percentile_ms(seconds: Sequence[float], percentile: float) -> float:
    return round(float(np.percentile(seconds, percentile)) * 1e3, 2) if seconds else 0.0


def best(candidates: Iterable[list[Figures]]) -> list[Figures]:
    """Of several settings, each with its figures of every round: the one whose median of goodput is the highest."""
    return max(candidates, key=lambda rounds: median(it.goodput for it in rounds))
