import pytest

from loadtests.benchmarks import training_loop
from tests.benchmark_command import last_line, run_here


def test_both_loops_are_measured_in_turn() -> None:
    report = last_line(run_here(training_loop.main, "--rounds", "1", "--steps", "10"))
    for name in ("digits-cnn", "gpt-docs"):
        ours, by_hand, ratio = (report[name][it]["median"] for it in ("ours", "by_hand", "ratio"))
        assert ours > 0
        assert ratio == pytest.approx(ours / by_hand, rel=0.02)
