from serving.engine.statistics import ModelStatistics


def test_requests_rows_and_executions_are_counted_apart() -> None:
    statistics = ModelStatistics()
    statistics.record(waits=[0.001, 0.003], rows=5, failures=0, compute=0.01)
    statistics.record(waits=[0.002], rows=5, failures=0, compute=0.02)
    assert (statistics.success, statistics.inferences, statistics.executions) == (3, 10, 2)
    assert (statistics.queue_us, statistics.compute_us, statistics.request_us) == (6_000, 40_000, 46_000)
    assert statistics.batch_sizes == {5: 2}


def test_failures_add_nothing_to_the_durations_of_successes() -> None:
    statistics = ModelStatistics()
    statistics.record(waits=[0.001], rows=1, failures=1, compute=0.01)
    assert (statistics.success, statistics.failure, statistics.executions) == (0, 1, 1)
    assert (statistics.queue_us, statistics.compute_us, statistics.inferences) == (0, 0, 0)
