from dataclasses import replace

import numpy as np
import pytest

from loadtests.load import Closed
from loadtests.outcomes import NOT_SENT
from loadtests.tally import Tally
from loadtests.validity import faults, notes
from tests.loadtests.results import result_of
from tests.loadtests.test_tally import outcomes


def tally(slip: float = 0.0, latency: float = 0.05, status: int = 200) -> Tally:
    found = Tally(span=1.0)
    found.add(outcomes(*((time / 100, time / 100 + slip, time / 100 + latency, status) for time in range(100))))
    return found


def test_a_run_that_kept_its_times_is_valid() -> None:
    assert not list(faults(tally(slip=0.0004), objective=0.05, busy=0.5, closed=False))


def test_leaving_late_by_more_than_one_per_cent_of_the_objective_is_not() -> None:
    [reason] = faults(tally(slip=0.0006), objective=0.05, busy=0.5, closed=False)
    assert "0.60 ms late at p99, and 0.50 ms (1 % of the objective)" in reason


@pytest.mark.parametrize(("latency", "valid"), [(0.005, False), (0.01, True)])
def test_without_an_objective_it_is_half_of_the_latency(latency: float, valid: bool) -> None:
    assert (not list(faults(tally(slip=0.003, latency=latency), None, busy=0.5, closed=False))) is valid


def test_callers_that_return_have_no_times_to_keep_but_a_busy_generator_limits_them() -> None:
    assert not list(faults(tally(slip=0.1), 0.05, busy=0.5, closed=True))
    [reason] = faults(tally(), 0.05, busy=0.95, closed=True)
    assert "95%" in reason
    assert "--processes" in reason


def test_requests_that_could_not_be_sent_and_none_at_all_are_told() -> None:
    assert "100 requests were not sent" in next(faults(tally(status=NOT_SENT), None, 0.1, closed=False))
    assert list(faults(Tally(span=1.0), None, 0.1, closed=False)) == ["no request was sent"]


def test_where_every_connection_failed_nothing_else_is_told() -> None:
    for closed in (True, False):
        [reason] = faults(tally(slip=0.5, status=0), 0.05, busy=0.95, closed=closed)
        assert reason == "no request reached a server: every connection failed"


def test_what_to_bear_in_mind_is_told() -> None:
    quiet = replace(result_of(np.full(1000, 0.01)), machine={"load": 1.0, "cores": 2})
    assert not list(notes(quiet))
    assert "hide how long a stall" in next(notes(replace(quiet, load=result_of(np.full(9, 1), load=Closed(1)).load)))
    assert "p99 rests on 999 requests" in next(notes(result_of(np.full(999, 0.01))))
    late = replace(quiet, slip=replace(quiet.slip, p99=quiet.latency.p99 / 4))
    assert "requests left 2.50 ms late at p99" in next(notes(late))
    assert "own machine" in next(notes(replace(quiet, url="http://[::1]:8000")))
    assert "load average of 3 on 2" in next(notes(replace(quiet, machine={"load": 3.0, "cores": 2})))
