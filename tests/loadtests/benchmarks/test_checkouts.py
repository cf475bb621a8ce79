import pytest

from loadtests.benchmarks import checkouts
from loadtests.benchmarks.checkouts import ratios
from tests.benchmark_command import ROOT, last_line, run_here


def test_ratios_are_of_each_turn() -> None:
    assert ratios({"before": [100.0, 200.0], "now": [50.0, 400.0]}) == [pytest.approx(0.5), pytest.approx(2.0)]


def test_both_checkouts_are_asked_as_often() -> None:
    arguments = (str(ROOT), "--connections", "2", "--requests", "200", "--rounds", "2")
    report = last_line(run_here(checkouts.main, *arguments))
    [found] = report.values()
    assert list(report) == ["2 connections"]
    assert list(found) == ["before_us", "now_us", "ratio"]
    assert all(found[name]["min"] > 0 for name in ("before_us", "now_us"))
