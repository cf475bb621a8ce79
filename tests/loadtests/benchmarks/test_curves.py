from pathlib import Path

import pytest

from loadtests.benchmarks.curves import draw
from loadtests.benchmarks.fates import Fate, Outcome, figures

RUNS = [figures([Fate(0.0, 0.1, latency, Outcome.ANSWERED)], 0.0, 1.0) for latency in (0.05, 0.2)]


def test_a_picture_has_every_scenario_and_policy(tmp_path: Path) -> None:
    found = {load: {"fixed delay": RUNS, "deadlines": RUNS} for load in (0.5, 2.0)}
    draw(tmp_path / "curves.svg", {"bursts": found, "even": found})
    words = (tmp_path / "curves.svg").read_text()
    for word in ("bursts", "even", "fixed delay", "deadlines"):
        assert f"<!-- {word}" in words


def test_an_ending_that_is_no_picture_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        draw(tmp_path / "curves.nonsense", {"bursts": {1.0: {"deadlines": RUNS}}})
