import numpy as np

from loadtests.knee import knee, saturated
from tests.loadtests.results import result_of


def test_the_knee_is_where_more_load_costs_more_than_it_brings() -> None:
    """One server of 10 ms: at the rate r a request takes 10 ms / (1 - r / 100)."""
    runs = [result_of(np.full(2000, 0.01 / (1 - rate / 100)), rate=rate) for rate in (10, 30, 50, 70, 90)]
    found = knee(runs)
    assert found is not None
    assert found.load["rate"] == 50
    assert knee([]) is None


def test_a_server_is_saturated_when_it_answers_less_than_comes() -> None:
    assert not saturated(result_of(np.full(100, 0.01)))
    assert saturated(result_of(np.full(100, 0.01), refused=10))
    assert saturated(result_of(np.linspace(0, 5, 500)))


def test_answers_that_take_their_time_saturate_no_server() -> None:
    """The last one comes two seconds after a load of ten, as each does."""
    assert not saturated(result_of(np.full(100, 2.0), rate=10))
