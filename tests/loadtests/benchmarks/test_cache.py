from loadtests.benchmarks import cache
from tests.benchmark_command import last_line, run_here


def test_nothing_fails_and_what_is_the_same_runs_once() -> None:
    arguments = ("--requests", "40", "--callers", "4", "--rounds", "1", "--megabytes", "0.1")
    report = last_line(run_here(cache.main, *arguments))
    for size in ("small", "slow"):
        assert list(report[size]) == ["server without a cache", "not enabled for the model", "miss", "hit"]
        assert not any(found["failed"] for found in report[size].values())
        plain, kept = report["identical"][f"{size}-plain"], report["identical"][f"{size}-kept"]
        assert plain["failed"] == kept["failed"] == 0
        assert plain["ran"] == plain["requests"] == kept["requests"] >= 8
        assert kept["ran"] == kept["executions"] == kept["requests"] / 4
