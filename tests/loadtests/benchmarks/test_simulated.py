"""See also tests/simulation, which holds the scheduler's promises to what this records."""

from loadtests.benchmarks.simulated import simulate
from serving.core.batching_config import BatchingConfig
from serving.scheduling.dynamic import DynamicBatcher
from tests.serving.scheduling.requests import Request


def test_what_runs_what_is_refused_and_what_is_told_is_recorded() -> None:
    first, second, third, fourth = (Request() for _ in range(4))
    scheduler: DynamicBatcher[Request] = DynamicBatcher(BatchingConfig(2, 0.0, (2,)), max_queue_size=2)
    arrivals = [(0.0, first), (1.0, second), (2.0, third), (3.0, fourth)]
    record = simulate(scheduler, arrivals, lambda batch: 10.0 * len(batch))
    assert record.batches == [(0.0, [first]), (10.0, [second, third])]
    assert [(at, event.request) for at, event in record.events] == [(10.0, first), (30.0, second), (30.0, third)]
    assert [request for request, _ in record.refused] == [fourth]
    assert record.left_waiting == [[], []]


def test_instances_run_side_by_side_and_who_leaves_is_not_run() -> None:
    requests = [Request() for _ in range(4)]
    scheduler: DynamicBatcher[Request] = DynamicBatcher(BatchingConfig(), 10, ["cpu", "cpu"])
    arrivals = [(0.0, request) for request in requests]
    record = simulate(scheduler, arrivals, lambda _: 1.0, instances=2, cancels=[(0.5, requests[2])])
    assert [(at, batch) for at, batch in record.batches] == [
        (0.0, [requests[0]]),
        (0.0, [requests[1]]),
        (1.0, [requests[3]]),
    ]
    assert record.cancelled == [(0.5, requests[2])]
