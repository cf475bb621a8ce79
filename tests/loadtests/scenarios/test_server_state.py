import pytest

from loadtests.scenarios.server_state import NoMetrics, ServerState
from tests.running_server import RunningServer


def test_a_server_tells_its_memory_and_whether_it_has_anything_to_do(changeable: RunningServer) -> None:
    state = ServerState(f"http://127.0.0.1:{changeable.metrics_port}/metrics")
    assert state.at_work() == 0
    assert (state.memory() or 0) > 10e6


def test_metrics_that_are_not_there_are_told_with_what_to_do(changeable: RunningServer) -> None:
    nowhere = ServerState(changeable.url + "/v2")
    assert nowhere.memory() is None
    with pytest.raises(NoMetrics, match="give another address with --metrics-url"):
        nowhere.at_work()
