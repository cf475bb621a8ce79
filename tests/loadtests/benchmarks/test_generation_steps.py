import pytest

from loadtests.benchmarks import generation_steps
from loadtests.benchmarks.generation_steps import DECODE, MOVES, OVERHEAD, Cost, share
from tests.benchmark_command import last_line, run_here


def test_every_part_of_a_step_is_weighed() -> None:
    report = last_line(run_here(generation_steps.main, "--rows", "2", "--tokens", "4"))
    found = report["2"]
    assert {*OVERHEAD, DECODE} <= set(found)
    for part in (*OVERHEAD, DECODE):
        assert found[part]["mean"] > 0
    assert 0 < found["overhead"] < 1


def test_moves_count_with_their_mean_since_few_steps_have_any() -> None:
    costs = {part: Cost(0.0, 50.0) for part in OVERHEAD} | {DECODE: Cost(150.0, 1000.0)}
    assert costs[MOVES].mean == 50
    assert share(costs) == pytest.approx(0.25)
