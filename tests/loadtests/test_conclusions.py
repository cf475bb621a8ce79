from dataclasses import replace

import numpy as np
import pytest

from loadtests.capacity import Trial
from loadtests.conclusions import (
    capacity_found,
    curve_found,
    held,
    hopeless,
    in_words,
    nothing_held,
    tightest,
    to_be_told,
)
from loadtests.objective import parsed
from loadtests.result_file import Document
from loadtests.run import Progress
from loadtests.tally import Tally
from tests.loadtests.results import result_of
from tests.loadtests.test_tally import outcomes

OBJECTIVES = (parsed("p99<50ms"), parsed("p50<20ms"))


def test_all_objectives_have_to_be_held() -> None:
    assert held(result_of(np.full(100, 0.01)), OBJECTIVES)
    assert not held(result_of(np.full(100, 0.03)), OBJECTIVES)
    assert tightest(OBJECTIVES) == 0.02
    assert tightest(()) is None
    assert "p99<50ms: 100.00% in time, held" in ", ".join(in_words(result_of(np.full(100, 0.01)), OBJECTIVES))


def test_what_came_of_all_requests_is_told() -> None:
    latencies = np.concatenate([np.full(9000, 0.01), np.full(50, 0.2)])
    run = result_of(latencies, refused=950, rate=500)
    found = capacity_found([run], OBJECTIVES[:1], run, [Trial(500, True)])
    assert found["capacity"] == 500
    assert found["attainment"] == pytest.approx(0.9)
    assert found["goodput"] == pytest.approx(450)
    assert (found["refused"], found["late"], found["failed"]) == (0.095, 0.005, 0.0)
    assert not found["limited_by_generator"]


def test_a_capacity_is_not_more_than_what_came() -> None:
    """A Poisson process of few requests may have fewer than was meant."""
    fewer, more = (replace(result_of(np.full(100, 0.01)), offered=offered) for offered in (91.0, 108.0))
    for run, capacity in ((fewer, 91), (more, 100)):
        assert capacity_found([run], OBJECTIVES[:1], run, [Trial(100, True)])["capacity"] == capacity


def test_of_several_objectives_the_one_that_is_missed_first_tells_what_was_in_time() -> None:
    """A third is slower than 20 ms, of whom p50 allows half; 0.9 % are slower than 50 ms, of whom p99 allows 1 %."""
    latencies = np.array([0.01] * 6667 + [0.03] * 3243 + [0.1] * 90)
    run = result_of(latencies, rate=100)
    found = capacity_found([run], OBJECTIVES, run, [Trial(100, True)])
    assert (found["attainment"], found["late"]) == (0.991, 0.009)
    assert found["goodput"] == pytest.approx(99.1)


def test_requests_without_an_answer_in_time_are_late() -> None:
    run = replace(result_of(np.full(90, 0.01)), requests=100, fates={"answered": 90, "late": 6, "lost": 4})
    found = capacity_found([run], (parsed("p99<50ms"),), run, [Trial(100, True)])
    assert (found["late"], found["failed"]) == (0.06, 0.04)


def test_no_rate_at_all_is_a_capacity_of_nothing() -> None:
    run = result_of(np.full(100, 0.5))
    found = capacity_found([run], OBJECTIVES, None, [Trial(100, False, valid=False)])
    assert found["capacity"] == 0.0
    assert found["limited_by_generator"]
    assert found["points"][0]["held"] is False


def test_what_held_once_and_not_for_longer_is_told() -> None:
    """Of tries that missed, the longer ones may have been missed by the generator."""
    runs = [result_of(np.full(100, wait), rate=rate) for wait, rate in ((0.01, 80), (0.5, 160), (0.5, 80), (0.5, 40))]
    trials = [Trial(80, True), Trial(160, False)]
    found = capacity_found(runs, OBJECTIVES[:1], None, trials)
    assert found["held_once"] == 80
    assert not found["limited_by_generator"]
    words = nothing_held(found)
    assert words.startswith("no rate was found that holds p99<50ms: 80 requests/s held it once")
    assert words.endswith("down to 40")
    late = replace(runs[-1], invalid=("left late",))
    assert capacity_found([*runs[:-1], late], OBJECTIVES[:1], None, trials)["limited_by_generator"]


def test_what_never_held_is_told_without_more() -> None:
    found = capacity_found([result_of(np.full(100, 0.5))], OBJECTIVES[:1], None, [Trial(100, False)])
    assert nothing_held(found) == "no rate was found that holds p99<50ms"


def test_what_held_is_told_as_valid_though_requests_left_late() -> None:
    run = replace(result_of(np.full(100, 0.01)), invalid=("left late",), notes=("busy",))
    held_it = to_be_told(Document((run,), capacity_found([run], OBJECTIVES[:1], run, [Trial(100, True)])))
    assert (held_it.invalid, held_it.notes) == ((), ("left late", "busy"))
    assert to_be_told(Document((run,))) == run


def test_a_curve_has_its_points_and_its_knee() -> None:
    found = curve_found([result_of(np.full(100, 0.01)), result_of(np.full(100, 0.5))], ())
    assert found["knee"] == pytest.approx(100)
    assert found["run"] == 0, "what is told in full is the run at the knee, and not the last and slowest"
    assert "run" not in curve_found([result_of(np.array([]), refused=10)], ())
    assert [point["p99"] for point in found["points"]] == pytest.approx([10, 500], rel=0.01)


def test_a_server_that_seems_to_be_gone_is_waited_for() -> None:
    tally = Tally(span=1.0)
    tally.add(outcomes(*((at / 100, at / 100, at / 100, 0) for at in range(300))))
    assert not hopeless(Progress(tally, 3.0, 10.0), 100.0, OBJECTIVES[:1])


@pytest.mark.parametrize(("late", "passed", "expected"), [(50, 3.0, True), (50, 1.0, False), (5, 3.0, False)])
def test_a_run_that_can_not_be_saved_is_given_up(late: int, passed: float, expected: bool) -> None:
    tally = Tally(span=1.0)
    tally.add(outcomes(*((at / 100, at / 100, at / 100 + (0.5 if at < late else 0.01), 200) for at in range(100))))
    assert hopeless(Progress(tally, passed, 10.0), 100.0, OBJECTIVES[:1]) is expected
