import numpy as np
import pytest

from loadtests.report.points import bins, percentiles, rates
from tests.loadtests.results import result_of


def test_a_curve_reads_the_histogram() -> None:
    run = result_of(np.arange(1, 1001) / 1000)
    curve = percentiles(run.latency)
    assert np.interp(100, curve.beyond, curve.ms) == pytest.approx(run.latency.p99, rel=0.01)
    assert np.interp(2, curve.beyond, curve.ms) == pytest.approx(run.latency.p50, rel=0.02)
    assert curve.ms[-1] == pytest.approx(1000, rel=0.01)
    assert (np.diff(curve.ms) >= 0).all()


def test_bins_hold_every_request() -> None:
    edges, counts = bins(result_of(np.arange(1, 1001) / 1000).latency)
    assert counts.sum() == 1000
    assert edges[0] < 1.0 < 1000 < edges[-1]


def test_nothing_is_an_empty_curve() -> None:
    nothing = result_of(np.array([]), refused=3)
    assert not len(percentiles(nothing.latency).ms)
    assert bins(nothing.latency)[1].sum() == 0


def test_rates_are_a_second() -> None:
    run = result_of(np.full(150, 0.01), refused=50)
    offered, answered = rates(run.moments, run.span)
    assert offered.tolist() == pytest.approx([100, 100])
    assert answered.tolist() == pytest.approx([100, 50])
