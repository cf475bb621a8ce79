from itertools import pairwise

import numpy as np
import pytest

from loadtests.load import Open, Phased, Replay, departures, shared


@pytest.mark.parametrize(("variation", "spread"), [(0.0, 0.0), (1.0, 1.0), (4.0, 4.0)])
def test_gaps_have_the_mean_and_the_variation_that_were_asked_for(variation: float, spread: float) -> None:
    gaps = np.diff(list(departures(Open(1000, variation=variation), 200, seed=3)))
    assert gaps.mean() == pytest.approx(1e-3, rel=0.05)
    assert gaps.std() / gaps.mean() == pytest.approx(spread, rel=0.1, abs=1e-6)


def test_a_poisson_process_has_as_much_variance_as_requests() -> None:
    counts, _ = np.histogram(list(departures(Open(100), 2000, seed=1)), bins=2000, range=(0, 2000))
    assert counts.var() / counts.mean() == pytest.approx(1.0, rel=0.1)


def test_a_ramp_goes_from_the_one_rate_to_the_other() -> None:
    counts, _ = np.histogram(list(departures(Open(100, until=300), 100, seed=5)), bins=10, range=(0, 100))
    assert counts / 10 == pytest.approx([110 + 20 * tenth for tenth in range(10)], rel=0.1)


def test_a_ramp_down_to_less_ends_in_time() -> None:
    times = list(departures(Open(300, until=100, variation=0), 10, seed=0))
    assert len(times) == pytest.approx(2000, abs=1)
    assert times == sorted(times)


def test_a_rate_is_what_a_ramp_without_a_slope_is() -> None:
    assert list(departures(Open(50, until=50), 5, seed=2)) == list(departures(Open(50), 5, seed=2))


def test_the_same_seed_gives_the_same_times() -> None:
    one, same, other = (list(departures(Open(100), 1, seed)) for seed in (1, 1, 2))
    assert one == same != other


def test_recorded_times_are_kept_until_the_load_ends() -> None:
    assert list(departures(Replay((0.0, 0.5, 2.0)), 1.0, seed=0)) == [0.0, 0.5]


def test_senders_share_one_sequence() -> None:
    whole = list(enumerate(departures(Open(100), 2, seed=7)))
    parts = [list(shared(departures(Open(100), 2, seed=7), sender, 3)) for sender in range(3)]
    assert sorted(pair for part in parts for pair in part) == whole
    assert all(after[0] - before[0] == 3 for part in parts for before, after in pairwise(part))


def test_phases_follow_one_another() -> None:
    load = Phased(((2.0, Open(10, variation=0)), (1.0, Open(20, variation=0))))
    assert list(departures(load, 3.0, 0)) == pytest.approx(
        [n / 10 for n in range(20)] + [2 + n / 20 for n in range(20)]
    )
    assert max(departures(load, 0.5, 0)) < 0.5, "a warm-up has the first phase's pace"
