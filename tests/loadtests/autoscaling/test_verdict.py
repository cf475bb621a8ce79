from math import inf

import numpy as np
import pytest

from loadtests.autoscaling.simulation import Look, Outcome, Setup
from loadtests.autoscaling.verdict import enough, growth, lag, shares, verdict


def test_what_was_not_answered_was_not_in_time() -> None:
    looks = [Look(float(at), 2, 3, 0) for at in range(120)]
    outcome = Outcome([0.0, 1.0, 61.0, 62.0], [0.1, 0.1, 0.3, inf], looks)
    found = verdict(outcome, limit=0.25, capacity=0.1)
    assert (found.within, found.worst, found.most) == (0.5, 0.0, 3)
    assert found.used == pytest.approx(240 / 3600)
    assert found.needed == pytest.approx((2 + 5 * 1 + 2) * 10 / 3600), "the least where nothing comes"


def test_spans_without_requests_have_no_share() -> None:
    assert shares(np.array([1.0, 21.0]), np.array([True, False]), 10) == {0.0: 1.0, 20.0: 0.0}
    assert enough(np.array([1.0, 2.0, 3.0, 21.0]), capacity=0.2, span=10) == [2, 0, 1]


def test_the_lag_is_what_is_waited_for_on_average() -> None:
    assert lag(Setup({}, start_up=60, scrape=15, window=60)) == 30 + 7.5 + 7.5 + 60


def test_growth_is_the_largest_within_the_time_that_is_asked_for() -> None:
    """From 10 a second to 30 within 200 seconds, then down again."""
    up, down = np.cumsum(1 / np.linspace(10, 30, 4000)), np.cumsum(1 / np.linspace(30, 10, 4000))
    ramp = [*up, *(up[-1] + down)]
    assert growth(ramp, 60, 1) == pytest.approx(growth(ramp, 30, 1) * 2, rel=0.2)
    assert growth(ramp, up[-1] - 30, 1) == pytest.approx(1.7, abs=0.2)
    assert growth(ramp, 60, least=40) == 0, "there were enough from the beginning"
    assert growth([0.0, 1.0, 2.0], 60, 1) == 0, "it was over before"


def test_what_comes_back_after_a_short_pause_has_not_grown() -> None:
    assert growth([*np.arange(0, 100, 0.1), *np.arange(200, 400, 0.1)], 100, 1) == pytest.approx(0, abs=0.1)
