"""How long a server's batches take, from a load test's result.

Rule: what the server itself measured says how time grows with a batch; that one simulated replica then keeps callers
waiting as long as the real one did is made so, and how far it had to be stretched for that is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from loadtests.autoscaling.replica import Service
from loadtests.autoscaling.simulation import alone
from loadtests.conclusions import nothing_held
from loadtests.inputs.openai_calls import CHAT, COMPLETIONS
from loadtests.objective import Measure, Objective, parsed
from loadtests.result import Result
from loadtests.result_file import Document

_REQUESTS = 2000
"""Of each look at a simulated replica."""
_HALVINGS = 8
_LEAST_STRETCH, _MOST_STRETCH = 0.5, 8.0


class NotMeasured(ValueError):
    """The text says what the load test lacks."""


@dataclass(frozen=True, slots=True)
class Measured:
    """`capacity` is the rate that held the objective; there, callers waited `mean` seconds, and 99 in 100 `p99`. What
    batches take was multiplied by `stretch`: more than 1 where something else, as reading requests, is in the way. Of
    several objectives `objective` is the one of most requests."""

    service: Service
    capacity: float
    objective: Objective
    mean: float
    p99: float
    stretch: float


def measured(document: Document, largest: int | None = None, instances: int | None = None) -> Measured:
    """Of a search with `--slo`. The largest batch that ran and the server's own count of instances are taken where
    nothing else is said. Raises `NotMeasured`."""
    _check(document)
    confirmed = document.decisive
    points = [point for run in document.runs if (point := _point(run)) is not None]
    if not points:
        raise NotMeasured("the server did not tell how long its batches took (/v2/models/M/stats), so nobody knows")
    base, each = _line(points)
    largest = largest or max(_requests(run, rows) for run in document.runs for rows in run.server.get("batches", {}))
    instances = instances or int(confirmed.server.get("instances", 1))
    service = Service(base, each, max(1, largest), instances, _overhead(document.runs))
    mean, p99 = confirmed.latency.mean / 1e3, confirmed.latency.p99 / 1e3
    stretch = _stretch(service, confirmed.offered, mean)
    capacity = float(document.decision["capacity"])
    return Measured(stretched(service, stretch), capacity, _objective(document), mean, p99, stretch)


def _check(document: Document) -> None:
    if document.decision.get("kind") != "capacity":
        raise NotMeasured("a result with a capacity is needed: slipway loadtest URL --slo 'p99<50ms' --json FILE.json")
    if not document.decision["capacity"]:
        raise NotMeasured(f"nobody knows what one replica can do: {nothing_held(document.decision)}")
    confirmed = document.decisive
    if confirmed.first is not None or confirmed.protocol in (COMPLETIONS, CHAT):
        raise NotMeasured(
            f"{confirmed.model} writes its answers or streams them ({confirmed.protocol}), and only models that answer "
            "whole batches are simulated: take the targets that --plan gives (docs/autoscaling.md)"
        )


def _objective(document: Document) -> Objective:
    every = [parsed(text) for text in document.decision["objectives"]]
    return max(every, key=lambda objective: (objective.measure is Measure.LATENCY, objective.percent, -objective.limit))


def stretched(service: Service, by: float) -> Service:
    return replace(service, base=service.base * by, each=service.each * by)


def _point(run: Result) -> tuple[float, float] | None:
    """(requests in the batch of a request on average, seconds that it took on average)."""
    batches = {_requests(run, rows): count for rows, count in run.server.get("batches", {}).items()}
    together = sum(size * count for size, count in batches.items())
    if not together or "compute_ms" not in run.server:
        return None
    return sum(size * size * count for size, count in batches.items()) / together, run.server["compute_ms"] / 1e3


def _requests(run: Result, rows: str) -> int:
    each = run.rows / run.answered if run.answered and run.rows else 1.0
    return max(1, round(int(rows) / each))


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Base and slope; neither is negative."""
    sizes, seconds = np.array(points).T
    if np.ptp(sizes) < 0.1 * sizes.mean():
        return float(seconds.mean()), 0.0
    each, base = np.polyfit(sizes, seconds, 1)
    if each <= 0:
        return float(seconds.mean()), 0.0
    return (float(base), float(each)) if base > 0 else (0.0, float((seconds / sizes).mean()))


def _overhead(runs: Sequence[Result]) -> float:
    """What callers waited beside queue and batch where the load was least."""
    told = [run for run in runs if "compute_ms" in run.server and "queue_ms" in run.server]
    least = min(told, key=lambda run: run.offered)
    inside = float(least.server["queue_ms"]) + float(least.server["compute_ms"])
    return max(0.0, least.latency.p50 - inside) / 1e3


def _stretch(service: Service, rate: float, mean: float) -> float:
    """With which a simulated replica's callers wait `mean` seconds at that rate. Raises `NotMeasured` for none."""
    low, high = _LEAST_STRETCH, _MOST_STRETCH
    for _ in range(_HALVINGS):
        middle = (low * high) ** 0.5
        waits = alone(stretched(service, middle), rate, _REQUESTS / rate)
        answered = waits[waits < inf]
        if len(answered) < len(waits) or answered.mean() > mean:
            high = middle
        else:
            low = middle
    if low == _LEAST_STRETCH:
        raise NotMeasured(
            "callers waited for less than half as long as one such batch after another has them wait: give all its "
            "--instances; ensembles, and models that run many requests side by side, can't be simulated"
        )
    return float((low * high) ** 0.5)
