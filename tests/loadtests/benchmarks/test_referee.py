import pytest

from loadtests.benchmarks.referee import judged
from loadtests.benchmarks.stub_server import stub


def test_loadgen_tells_a_rate_that_a_server_can_not_hold() -> None:
    """One request in 20 ms: 200 a second pile up, so that it isn't the machine that decides."""
    pytest.importorskip("mlperf_loadgen", reason="MLPerf's LoadGen is not installed")
    with stub(service=0.02) as url:
        verdict = judged(int(url.rpartition(":")[2]), rate=200.0, limit=0.1, seconds=1.0)
    assert not verdict.valid
    assert verdict.latency_ms > 100
