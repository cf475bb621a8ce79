"""How sure a percentile is.

Rule: spans of time are drawn anew, not requests, since requests that follow one another wait for the same things.
Source: the block bootstrap (Künsch 1989; Efron and Tibshirani, An Introduction to the Bootstrap, 8.6), with the spans
of a run as its blocks and the percentiles of its draws as the interval.
"""

from collections.abc import Sequence

import numpy as np

from loadtests.histogram import Histogram

_DRAWS = 500
_FEWEST = 5  # spans; fewer say nothing


def interval(
    spans: Sequence[Histogram], percent: float, seed: int = 0, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Seconds between which the percentile of the load as a whole lies; None where there are too few spans."""
    draws = drawn(spans, percent, seed)
    if draws is None:
        return None
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def drawn(spans: Sequence[Histogram], percent: float, seed: int) -> np.ndarray | None:
    """float64 [draws]: the percentile of spans that were drawn with replacement."""
    used = [span for span in spans if len(span)]
    if len(used) < _FEWEST:
        return None
    counts = np.stack([span.counts for span in used]).astype(np.float64)
    seen = np.flatnonzero(counts.any(axis=0))
    times = np.random.default_rng(seed).multinomial(len(used), np.full(len(used), 1 / len(used)), size=_DRAWS)
    cumulative = np.cumsum(times @ counts[:, seen], axis=1)
    wanted = cumulative[:, -1:] * percent / 100
    percentiles: np.ndarray = used[0].values(seen).take((cumulative >= wanted).argmax(axis=1))
    return percentiles
