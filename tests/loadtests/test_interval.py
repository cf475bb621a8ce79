import numpy as np
import pytest

from loadtests.histogram import Histogram
from loadtests.interval import interval


def spans(count: int, seed: int, common: float = 0.0) -> list[Histogram]:
    """Of 200 exponential latencies each; those of a span share a part of the size `common`."""
    random, found = np.random.default_rng(seed), []
    for _ in range(count):
        histogram = Histogram(digits=2)
        histogram.record(random.exponential(0.01, 200) + common * random.exponential(0.01))
        found.append(histogram)
    return found


def test_the_percentile_lies_in_it_as_often_as_it_says() -> None:
    truth = 0.01 * np.log(100)
    intervals = [interval(spans(30, seed), 99, seed) for seed in range(100)]
    hits = [low <= truth <= high for low, high in filter(None, intervals)]
    assert len(hits) == 100
    assert np.mean(hits) == pytest.approx(0.95, abs=0.06)


def test_it_narrows_as_time_passes() -> None:
    short, long = interval(spans(10, 1), 99), interval(spans(160, 1), 99)
    assert short is not None
    assert long is not None
    assert long[1] - long[0] < (short[1] - short[0]) / 2


def test_spans_that_differ_make_it_wide() -> None:
    alike, different = interval(spans(30, 2), 50), interval(spans(30, 2, common=3.0), 50)
    assert alike is not None
    assert different is not None
    assert different[1] - different[0] > 5 * (alike[1] - alike[0])


def test_a_few_spans_say_nothing() -> None:
    assert interval([*spans(4, 3), Histogram(digits=2)], 99) is None
