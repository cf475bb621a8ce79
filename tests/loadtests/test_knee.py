from itertools import islice

import numpy as np
import pytest

from loadtests.knee import knee, rates, saturated
from tests.loadtests.results import result_of


def test_the_knee_is_where_more_load_costs_more_than_it_brings() -> None:
    """One server of 10 ms: at the rate r a request takes 10 ms / (1 - r / 100)."""
    runs = [result_of(np.full(2000, 0.01 / (1 - rate / 100)), rate=rate) for rate in (10, 30, 50, 70, 90)]
    found = knee(runs)
    assert found is not None
    assert found.load["rate"] == 50
    assert knee([]) is None


def test_rates_go_on_beyond_what_was_likely() -> None:
    tried = list(islice(rates(100.0), 14))
    assert tried[:11] == pytest.approx([10, 30, 50, 60, 70, 80, 90, 95, 100, 110, 120])
    assert tried[11:] == pytest.approx([150, 187.5, 234.4], abs=0.1)
    assert list(rates(1e7))[-1] == 1.2e7, "and not for ever"


def test_a_server_is_saturated_when_it_answers_less_than_comes() -> None:
    assert not saturated(result_of(np.full(100, 0.01)))
    assert saturated(result_of(np.full(100, 0.01), refused=10))
    assert saturated(result_of(np.linspace(0, 5, 500)))
    assert saturated(result_of(np.linspace(0, 0.4, 40))), "within a moment"


def test_answers_that_take_their_time_saturate_no_server() -> None:
    """The last one comes two seconds after a load of ten, as each does."""
    assert not saturated(result_of(np.full(100, 2.0), rate=10))
