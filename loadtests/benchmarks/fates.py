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
    """Of one request, which was meant to leave at `planned`; `objective` and `latency` count from then, and `slip` is
    how much later it left. Seconds."""

    planned: float
    objective: float
    latency: float
    outcome: Outcome
    slip: float = 0.0

    @property
    def is_in_time(self) -> bool:
        return self.outcome is Outcome.ANSWERED and self.latency <= self.objective


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares in percent of all that were sent, rates per second, times in milliseconds (0 where there is none).

    `attainment` has the share that was answered in time by objective, the tightest first. `throughput` is of all that
    was answered meanwhile, whenever it was sent.
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
    slip_p99: float
    attainment: tuple[float, ...]


def figures(fates: Sequence[Fate], since: float, until: float) -> Figures:
    """Of the requests that were meant to leave then. The queue is neither empty before nor emptied after."""
    judged = [fate for fate in fates if since <= fate.planned < until]
    answered = _latencies(judged, Outcome.ANSWERED)
    in_time = sum(fate.is_in_time for fate in judged)
    meanwhile = [it for it in fates if it.outcome is Outcome.ANSWERED and since <= it.planned + it.latency < until]

    def share(outcome: Outcome) -> float:
        return _percent(len(_latencies(judged, outcome)), len(judged))

    return Figures(
        sent=len(judged),
        in_time=_percent(in_time, len(judged)),
        goodput=round(in_time / (until - since), 2),
        throughput=round(len(meanwhile) / (until - since), 2),
        refused=share(Outcome.REFUSED),
        dropped=share(Outcome.DROPPED),
        late=_percent(len(answered) - in_time, len(judged)),
        failed=share(Outcome.FAILED),
        p50=_percentile_ms(answered, 50),
        p99=_percentile_ms(answered, 99),
        refused_p99=_percentile_ms(_latencies(judged, Outcome.REFUSED), 99),
        dropped_p99=_percentile_ms(_latencies(judged, Outcome.DROPPED), 99),
        slip_p99=_percentile_ms([fate.slip for fate in judged], 99),
        attainment=_by_objective(judged),
    )


def _by_objective(fates: Sequence[Fate]) -> tuple[float, ...]:
    objectives = sorted({fate.objective for fate in fates})
    classes = [[fate.is_in_time for fate in fates if fate.objective == objective] for objective in objectives]
    return tuple(_percent(sum(each), len(each)) for each in classes)


def _latencies(fates: Sequence[Fate], outcome: Outcome) -> list[float]:
    return [fate.latency for fate in fates if fate.outcome is outcome]


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


def _percentile_ms(seconds: Sequence[float], percentile: float) -> float:
    return round(float(np.percentile(seconds, percentile)) * 1e3, 2) if seconds else 0.0


def best(candidates: Iterable[list[Figures]]) -> list[Figures]:
    """Of several settings, each with its figures of every round: the one whose median of goodput is the highest."""
    return max(candidates, key=lambda rounds: median(it.goodput for it in rounds))
