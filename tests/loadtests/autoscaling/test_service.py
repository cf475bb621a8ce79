from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from loadtests.autoscaling.replica import Service
from loadtests.autoscaling.service import NotMeasured, measured
from loadtests.autoscaling.simulation import alone
from loadtests.result import Result
from loadtests.result_file import Document
from tests.loadtests.results import result_of

REAL = Service(0.02, 0.002, 8, overhead=0.003)
CAPACITY = 200.0


def run_of(rate: float, sizes: Sequence[int]) -> Result:
    """As a server tells of it that runs batches of so many requests; callers wait as those of a simulated one."""
    batches = {size: sizes.count(size) for size in sorted(set(sizes))}
    together = sum(sizes)
    compute = sum(size * REAL.seconds(size) for size in sizes) / together
    told = {"batches": {str(size): count for size, count in batches.items()}, "compute_ms": compute * 1e3}
    waits = alone(REAL, rate, 2000 / rate, seed=7)
    inside = float(np.percentile(waits, 50)) - REAL.overhead - compute
    return replace(result_of(waits, rate=rate), server=told | {"queue_ms": inside * 1e3})


def document(*runs: Result) -> Document:
    decision = {"kind": "capacity", "capacity": CAPACITY, "run": len(runs) - 1, "objectives": ["p99<100ms"]}
    return Document(runs, decision)


def test_base_and_slope_of_a_batch_are_found_and_callers_wait_as_long_as_they_did() -> None:
    found = measured(document(run_of(20, [1] * 9 + [2]), run_of(80, [2, 3, 4]), run_of(CAPACITY, [5, 6, 7, 8])))
    service = found.service
    assert found.stretch == pytest.approx(1, abs=0.1)
    assert (service.base, service.each) == (pytest.approx(0.02, rel=0.15), pytest.approx(0.002, rel=0.15))
    assert (service.largest, service.overhead) == (8, pytest.approx(0.003, abs=0.001))
    waits = alone(service, CAPACITY, 20)
    assert np.mean(waits) == pytest.approx(found.mean, rel=0.15)
    assert np.percentile(waits, 99) == pytest.approx(found.p99, rel=0.25)


def test_what_else_takes_time_stretches_the_batches() -> None:
    slower = replace(run_of(CAPACITY, [5, 6, 7, 8]), latency=run_of(CAPACITY * 1.2, [8]).latency)
    assert measured(document(run_of(20, [1] * 9 + [2]), slower)).stretch > 1.05


def test_instances_are_those_that_the_server_told() -> None:
    confirmed = run_of(CAPACITY, [5, 6, 7, 8])
    told = document(run_of(20, [1] * 9 + [2]), replace(confirmed, server=confirmed.server | {"instances": 2}))
    assert [measured(told).service.instances, measured(told, instances=3).service.instances] == [2, 3]


def test_waits_that_are_too_short_for_such_batches_are_told() -> None:
    confirmed = run_of(CAPACITY, [5, 6, 7, 8])
    other = replace(confirmed, latency=result_of(np.full(1000, 0.001)).latency)
    with pytest.raises(NotMeasured, match="--instances"):
        measured(document(run_of(20, [1] * 9 + [2]), other))


def test_what_a_result_lacks_is_told() -> None:
    run = run_of(CAPACITY, [4])
    with pytest.raises(NotMeasured, match="--slo"):
        measured(Document((run,)))
    with pytest.raises(NotMeasured, match="did not tell"):
        measured(document(replace(run, server={})))


def test_a_search_that_found_nothing_is_told_as_one() -> None:
    nothing = {"kind": "capacity", "capacity": 0.0, "objectives": ["p99<1ms"], "held_once": 0.0}
    with pytest.raises(NotMeasured, match="no rate was found that holds p99<1ms"):
        measured(Document((run_of(CAPACITY, [4]),), nothing))


@pytest.mark.parametrize("streamed", [True, False])
def test_models_that_write_are_refused_since_they_run_no_whole_batches(streamed: bool) -> None:
    """What their statistics say would pass for batches of one."""
    run = run_of(CAPACITY, [1])
    written = replace(run, first=run.latency) if streamed else replace(run, protocol="completions")
    with pytest.raises(NotMeasured, match=r"only models that answer whole batches are simulated: .*--plan"):
        measured(document(written))


@pytest.mark.parametrize(
    ("objectives", "judged"), [(["p50<40ms", "p99<100ms"], "p99<100ms"), (["p99<100ms", "p99<80ms"], "p99<80ms")]
)
def test_of_several_objectives_that_of_most_requests_counts(objectives: list[str], judged: str) -> None:
    found = document(run_of(20, [1] * 9 + [2]), run_of(CAPACITY, [5, 6, 7, 8]))
    found.decision["objectives"] = objectives
    assert str(measured(found).objective) == judged
