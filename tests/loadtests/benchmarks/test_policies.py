import csv
from math import inf
from pathlib import Path

import pytest

from loadtests.benchmarks import policies
from loadtests.benchmarks.policies import (
    FIXED,
    MAX_BATCH,
    OURS,
    QUEUE,
    SCENARIOS,
    TUNED,
    TUNED_EACH,
    Policy,
    Scenario,
    compare,
    fates,
    gain,
    goodput,
)
from loadtests.benchmarks.simulated import simulate
from serving.core.batching_config import BatchingConfig
from serving.scheduling.dynamic import DynamicBatcher
from tests.benchmark_command import last_line, run_here

SEEDS = (0,)
ONE, BURSTS, TIGHT, _, _, MIXED, MIXED_TIGHT = SCENARIOS


@pytest.mark.parametrize("timeout", [None, lambda _: 0.01, lambda _: inf])
def test_every_request_has_one_fate(timeout: object) -> None:
    batching = BatchingConfig(MAX_BATCH, 0.0, (MAX_BATCH,))
    policy = Policy(batching, timeout)  # type: ignore[arg-type]
    arrivals = [(number * 1e-4, policy.request(number * 1e-4, 0.02)) for number in range(500)]
    record = simulate(DynamicBatcher(batching, QUEUE), arrivals, lambda _: 0.01)
    assert sorted(fate.planned for fate in fates(record)) == [at for at, _ in arrivals]


@pytest.mark.parametrize("scenario", [ONE, BURSTS, TIGHT], ids=lambda scenario: scenario.name)
def test_with_one_objective_nothing_that_is_tuned_by_hand_answers_more_in_time(scenario: Scenario) -> None:
    for load in (0.9, 2.0):
        assert gain(compare(scenario, load, 2000, SEEDS), TUNED) >= 0.97


def test_beyond_capacity_goodput_stays_at_its_peak() -> None:
    at_peak, beyond = (goodput(compare(BURSTS, load, 2000, SEEDS)[OURS]) for load in (1.2, 2.0))
    assert beyond >= 0.95 * at_peak


def test_two_objectives_need_no_timeout_that_is_a_compromise() -> None:
    found = compare(MIXED_TIGHT, 2.0, 2000, SEEDS)
    assert gain(found, TUNED) >= 1.4
    assert gain(found, TUNED_EACH) >= 1.0
    found = compare(MIXED, 1.6, 2000, SEEDS)
    assert gain(found, TUNED) >= 1.2
    assert gain(found, TUNED_EACH) >= 1.05


def test_a_whole_run_prints_tables_writes_curves_and_ends_in_one_line_of_json(tmp_path: Path) -> None:
    curves, picture = tmp_path / "curves.csv", tmp_path / "curves.svg"
    done = run_here(
        policies.main,
        "--requests",
        "100",
        "--seeds",
        "2",
        "--loads",
        "0.5,2",
        "--csv",
        str(curves),
        "--picture",
        str(picture),
    )
    report = last_line(done)
    assert list(report) == [scenario.name for scenario in SCENARIOS]
    assert report[MIXED.name]["0.5"][OURS]["in_time"] > report[MIXED.name]["2.0"][OURS]["in_time"]
    assert "deadlines / tuned queue timeout" in done.stdout
    rows = list(csv.DictReader(curves.read_text().splitlines()))
    assert len(rows) == 2 * 2 * (4 * len(SCENARIOS) + sum(len(each.objectives) > 1 for each in SCENARIOS))
    assert {row["policy"] for row in rows} >= {FIXED, TUNED, OURS}
    assert picture.read_text().startswith("<?xml")
