import json

import pytest

from loadtests.benchmarks import reload
from loadtests.benchmarks.callers import Answer
from loadtests.benchmarks.reload import Found, Reload
from tests.benchmark_command import last_line, run_here


def answered(planned: float, latency: float, version: int) -> Answer:
    return Answer(planned, latency, 200, json.dumps({"model_version": str(version)}).encode())


def test_a_version_takes_over_with_its_first_answer_to_any_caller() -> None:
    answers = [answered(1.0, 0.1, 1), answered(2.4, 0.2, 2), answered(2.3, 0.2, 2), Answer(2.0, 0.1, 0)]
    found = Found(answers, [Reload(2, published=2.0, ended=3.0)], [])
    assert found.taking_over() == [pytest.approx(0.5)]


def test_a_request_that_any_part_of_a_reload_touches_is_of_the_reload() -> None:
    before, into, after = answered(1.0, 0.5, 1), answered(1.5, 1.0, 1), answered(3.1, 0.1, 2)
    found = Found([before, into, after], [Reload(2, published=2.0, ended=3.0)], [])
    assert found.split() == ([before, after], [into])


def test_no_request_fails_while_versions_come() -> None:
    report = last_line(run_here(reload.main, "--reloads", "2", "--quiet", "0.2", "--megabytes", "0.1"))
    for mode in ("poll", "explicit"):
        found = report[mode]
        assert (found["reloads"], found["failed"], len(found["rss_mb"])) == (2, 0, 3)
        assert found["requests"] > 50
        assert found["publication_to_traffic_ms"]["min"] > 0
        assert found["during"]["p50_ms"] > 0
