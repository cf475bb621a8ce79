import pytest

from loadtests.benchmarks.bench_models import MODELS
from loadtests.benchmarks.bench_report import Turns, figures, show_all
from loadtests.benchmarks.closed_loop import Load

TURNS: Turns = {
    ("direct", 0): [Load(1000, 1, 2, 0), Load(2000, 1, 2, 0)],
    ("slipway", 1): [Load(100, 1, 2, 0), Load(50, 1, 2, 0)],
    ("slipway", 8): [Load(500, 1, 2, 0), Load(800, 1, 2, 0)],
    ("other", 8): [Load(50, 10, 20, 3, 90.0)],
}


def test_a_ratio_is_of_one_round_and_the_same_connections() -> None:
    report = figures(TURNS, "slipway")
    assert report["slipway"]["1"]["ratio"] == {"median": 1, "min": 1, "max": 1}
    assert report["other"]["8"]["ratio"] == {"median": 0.1, "min": 0.1, "max": 0.1}


def test_what_has_no_connections_meets_the_best() -> None:
    assert figures(TURNS, "slipway")["direct"]["0"]["ratio"] == {"median": 2.25, "min": 2, "max": 2.5}


def test_those_with_as_many_connections_stand_together(capsys: pytest.CaptureFixture[str]) -> None:
    show_all([MODELS[0]], {"mlp": TURNS}, "slipway")
    heading, *rows = capsys.readouterr().out.splitlines()[:5]
    assert heading.split()[:2] == ["MLP", "10-20-10-5"]
    assert [row.split()[0] for row in rows] == ["direct", "slipway", "slipway", "other"]
    assert "(3 failed)" in rows[-1]
