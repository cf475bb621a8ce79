from loadtests.benchmarks import shared_threads
from tests.benchmark_command import last_line, run_here


def test_each_server_is_looked_at_idle_and_under_load() -> None:
    report = last_line(run_here(shared_threads.main, "--models", "3", "--seconds", "0.3", "--rounds", "1"))
    assert report["failed"] == 0
    apart, shared, none = (report[name] for name in list(report)[-3:])
    assert apart["threads"] >= shared["threads"] >= none["threads"] > 3
    for found in (apart, shared, none):
        assert found["idle_percent"]["median"] >= 0
        assert 0 < found["p50_ms"]["median"] <= found["p99_ms"]["median"]
