import numpy as np
import pytest

from loadtests.histogram import Histogram, decoded
from loadtests.summary import latencies, moments
from loadtests.tally import Tally
from tests.loadtests.test_tally import outcomes


def test_figures_are_in_milliseconds() -> None:
    histogram = Histogram()
    histogram.record(np.linspace(0.001, 0.1, 100))
    figures = latencies(histogram)
    assert figures.count == 100
    assert figures.p50 == pytest.approx(50, rel=1e-3)
    assert figures.p99 == pytest.approx(99, rel=1e-3)
    assert figures.maximum == pytest.approx(100, rel=1e-3)
    assert figures.mean == pytest.approx(50.5, rel=1e-3)
    assert figures.p99_interval is None
    assert decoded(figures.histogram, 0.0).percentile(50) == histogram.percentile(50)


def test_spans_give_an_interval() -> None:
    whole, spans = Histogram(), []
    for seed in range(20):
        part = Histogram(digits=2)
        part.record(np.random.default_rng(seed).exponential(0.01, 500))
        whole.merge(part)
        spans.append(part)
    figures = latencies(whole, spans)
    assert figures.p99_interval is not None
    assert figures.p99_interval[0] <= figures.p99 <= figures.p99_interval[1]


def test_moments_come_in_order() -> None:
    tally = Tally(span=2.0)
    tally.add(outcomes((5.0, 5.0, 5.1, 200), (0.5, 0.5, 0.7, 200), (0.6, 0.6, 0.6, 503)))
    early, late = moments(tally)
    assert (early.at, late.at) == (0.0, 4.0)
    assert early.fates == {"answered": 1, "refused": 1}
    assert early.p50 == pytest.approx(200, rel=0.01)
    assert late.maximum == pytest.approx(100, rel=0.01)
