"""Whether one run is slower than another.

Rule: a difference is only told where the interval of the ratio leaves no doubt; noise is never called a regression.
The intervals come from drawing each run's spans of time anew (`interval`), independently for both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from loadtests.histogram import Histogram, decoded
from loadtests.interval import drawn
from loadtests.result import Result
from loadtests.result_view import load_in_words

_PERCENTILES = (50.0, 90.0, 99.0)


class Verdict(StrEnum):
    SLOWER = "slower"
    FASTER = "faster"
    SAME = "the same"
    """Within the tolerance."""
    UNCLEAR = "unclear"
    """The interval holds both: longer runs would tell."""


@dataclass(frozen=True, slots=True)
class Change:
    """`ratio` is after / before, with its 95 % interval; more is slower. Figures in `unit`."""

    name: str
    unit: str
    before: float
    after: float
    ratio: float
    interval: tuple[float, float] | None
    verdict: Verdict


def compared(before: Result, after: Result, tolerance: float) -> tuple[Change, ...]:
    """`tolerance` is the share by which it may be slower: 0.05 for 5 %. Rates count as time for each answer."""
    spans = [[decoded(moment.histogram, 0.0) for moment in run.moments] for run in (before, after)]
    latencies = tuple(_latency(before, after, spans, percent, tolerance) for percent in _PERCENTILES)
    return (*latencies, _throughput(before, after, tolerance), _failures(before, after))


def unlike(before: Result, after: Result) -> tuple[str, ...]:
    """In what the two were not loaded alike, so that comparing them says little."""
    told = [(name, getattr(before, name), getattr(after, name)) for name in ("model", "protocol")]
    loads = [load_in_words(run) for run in (before, after)]
    if loads[0] == loads[1]:
        loads = [str(run.load) for run in (before, after)]
    return tuple(f"{name} was {one} and is {other}" for name, one, other in (*told, ("load", *loads)) if one != other)


def worst(changes: Sequence[Change]) -> Verdict:
    """Slower where anything is."""
    order = (Verdict.SLOWER, Verdict.UNCLEAR, Verdict.FASTER, Verdict.SAME)
    return min((change.verdict for change in changes), key=order.index, default=Verdict.UNCLEAR)


def _latency(
    before: Result, after: Result, spans: Sequence[Sequence[Histogram]], percent: float, tolerance: float
) -> Change:
    """`spans` are those of both, in that order."""
    one, other = (decoded(run.latency.histogram, run.latency.mean).percentile(percent) for run in (before, after))
    draws = [drawn(each, percent, seed) for seed, each in enumerate(spans)]
    interval = None if draws[0] is None or draws[1] is None else _interval(draws[1] / draws[0])
    ratio = other / one if one else 1.0
    return Change(f"p{percent:g}", "ms", one * 1e3, other * 1e3, ratio, interval, _verdict(interval, tolerance))


def _throughput(before: Result, after: Result, tolerance: float) -> Change:
    draws = [_answers(run, 0 if _arrived_alike(before, after) else seed) for seed, run in enumerate((before, after))]
    interval = None if draws[0] is None or draws[1] is None else _interval(draws[0] / draws[1])
    ratio = before.answered / after.answered if after.answered else np.inf
    verdict = _verdict(interval, tolerance)
    return Change("time for each answer", "answered/s", before.answered, after.answered, ratio, interval, verdict)


def _failures(before: Result, after: Result) -> Change:
    """Of requests that had no answer, by the normal interval of a difference of shares."""
    shares = [1 - run.latency.count / run.requests if run.requests else 1.0 for run in (before, after)]
    variance = sum(
        share * (1 - share) / max(1, run.requests) for share, run in zip(shares, (before, after), strict=True)
    )
    more, doubt = shares[1] - shares[0], 1.96 * variance**0.5 + 1e-9
    verdict = Verdict.SLOWER if more > doubt else Verdict.FASTER if -more > doubt else Verdict.SAME
    ratio = shares[1] / shares[0] if shares[0] else 1.0 + shares[1]
    return Change("not answered", "%", shares[0] * 100, shares[1] * 100, ratio, None, verdict)


def _arrived_alike(before: Result, after: Result) -> bool:
    """Both had the same requests at the same times, so that what came of each span is compared with the same of the
    other, and the chance that is in arrivals says nothing."""
    same = before.load == after.load and before.generator.seed == after.generator.seed
    return same and before.load["kind"] != "closed" and len(before.moments) == len(after.moments)


def _answers(run: Result, seed: int) -> np.ndarray | None:
    """float64 [draws]: answers in a span of time, of spans that were drawn anew. The last one may be cut."""
    counts = np.array([moment.fates.get("answered", 0) for moment in run.moments[:-1]], np.float64)
    if len(counts) < 5 or not counts.all():
        return None
    draws = np.random.default_rng(seed).integers(len(counts), size=(500, len(counts)))
    means: np.ndarray = counts[draws].mean(axis=1)
    return means


def _interval(ratios: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(low), float(high)


def _verdict(interval: tuple[float, float] | None, tolerance: float) -> Verdict:
    if interval is None:
        return Verdict.UNCLEAR
    low, high = interval
    if low > 1 + tolerance:
        return Verdict.SLOWER
    if high < 1 / (1 + tolerance):
        return Verdict.FASTER
    return Verdict.SAME if high <= 1 + tolerance else Verdict.UNCLEAR
