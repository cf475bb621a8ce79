from serving.engine.statistics import ModelStatistics


def test_requests_rows_and_executions_are_counted_apart() -> None:
    statistics = ModelStatistics()
    statistics.record(waits=[0.001, 0.003], rows=5, failures=0, compute=0.01)
    statistics.record(waits=[0.002], rows=5, failures=0, compute=0.02)
    assert (statistics.success, statistics.inferences, statistics.executions) == (3, 10, 2)
    assert (statistics.queue_us, statistics.compute_us, statistics.request_us) == (6_000, 40_000, 46_000)


def test_failures_add_nothing_to_what_was_answered() -> None:
    statistics = ModelStatistics()
    statistics.record(waits=[0.001], rows=2, failures=3, compute=0.01)
    assert (statistics.success, statistics.failure, statistics.inferences, statistics.executions) == (1, 3, 2, 1)
    assert (statistics.queue_us, statistics.compute_us) == (1_000, 10_000)
