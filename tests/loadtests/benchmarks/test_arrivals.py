import numpy as np
import pytest

from loadtests.benchmarks.arrivals import departures


@pytest.mark.parametrize("variation", [1.0, 4.0])
def test_gaps_vary_as_asked_around_the_rate(variation: float) -> None:
    times = departures(rate=1000, seconds=50, seed=3, variation=variation)
    gaps = np.diff(times)
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] < 50
    assert len(times) == 50_000
    assert gaps.mean() == pytest.approx(1e-3, rel=0.01)
    assert gaps.std() == pytest.approx(variation * gaps.mean(), rel=0.05)


def test_the_same_seed_gives_the_same_times() -> None:
    assert departures(100, 1, seed=1) == departures(100, 1, seed=1) != departures(100, 1, seed=2)


def test_however_little_is_asked_one_leaves() -> None:
    assert len(departures(0.1, 1, seed=1)) == 1
