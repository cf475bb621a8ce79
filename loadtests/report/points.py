"""Figures to draw, of what a result holds. Rule: percentiles are read from histograms."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loadtests.histogram import decoded
from loadtests.outcomes import Fate
from loadtests.result import Latencies, Moment

_POINTS = 200
_BINS = 60


@dataclass(frozen=True, slots=True)
class Percentiles:
    """float64 [n] each: `beyond` is how many times rarer than one a request is, 100 for p99; `ms` how long it took."""

    beyond: np.ndarray
    ms: np.ndarray


def percentiles(latencies: Latencies) -> Percentiles:
    """From p0 to the slowest request, evenly by how rare they are."""
    histogram = decoded(latencies.histogram, latencies.mean)
    seen = np.flatnonzero(histogram.counts)
    if not len(seen):
        return Percentiles(np.array([]), np.array([]))
    cumulative = np.cumsum(histogram.counts[seen].astype(np.float64))
    beyond = np.geomspace(1.0, max(2.0, cumulative[-1]), _POINTS)
    wanted = (1 - 1 / beyond) * cumulative[-1]
    places = np.minimum(np.searchsorted(cumulative, wanted + 1e-9), len(seen) - 1)
    return Percentiles(beyond, histogram.values(seen)[places] * 1e3)


def bins(latencies: Latencies) -> tuple[np.ndarray, np.ndarray]:
    """float64 [n + 1] edges in milliseconds, as wide as one another by their logarithm, and float64 [n] requests."""
    histogram = decoded(latencies.histogram, latencies.mean)
    seen = np.flatnonzero(histogram.counts)
    if not len(seen):
        return np.array([0.0, 1.0]), np.array([0.0])
    ms = histogram.values(seen) * 1e3
    edges = np.geomspace(ms[0] * 0.98, ms[-1] * 1.02, _BINS + 1)
    counts, _ = np.histogram(ms, edges, weights=histogram.counts[seen].astype(np.float64))
    return edges, counts


def rates(moments: Sequence[Moment], span: float) -> tuple[np.ndarray, np.ndarray]:
    """float64 [n] each: requests a second that were due, and that were answered. The last span may be cut."""
    offered = np.array([sum(moment.fates.values()) for moment in moments], np.float64)
    answered = np.array([moment.fates.get(Fate.ANSWERED, 0) for moment in moments], np.float64)
    return offered / span, answered / span
