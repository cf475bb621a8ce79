import pytest

from serving.engine.statistics import FailureReason, Histogram, ModelStatistics, Refusal, Times, failure_reason
from serving.errors import BackendFailed, Cancelled, DeadlineExceeded, Hopeless, InvalidInput, Overloaded

MS = 1_000_000  # nanoseconds


def test_requests_rows_and_executions_are_counted_apart() -> None:
    statistics = ModelStatistics()
    statistics.record([0.001, 0.003], 5, Times(0.001, 0.008, 0.001), now_ms=10)
    statistics.record([0.002], 5, Times(0.0, 0.02, 0.0), now_ms=11)
    assert (statistics.success.count, statistics.inferences, statistics.executions) == (3, 10, 2)
    assert statistics.last_inference_ms == 11
    assert (statistics.queue.ns, statistics.compute.compute_infer.ns, statistics.success.ns) == (
        6 * MS,
        36 * MS,
        46 * MS,
    )


def test_a_batch_is_counted_once_under_its_size_and_charged_to_each_of_its_requests() -> None:
    statistics = ModelStatistics()
    statistics.record([0.0, 0.0, 0.0], 3, Times(0.001, 0.008, 0.001), now_ms=0)
    assert statistics.batches.keys() == {3}
    assert (statistics.batches[3].compute_infer.count, statistics.batches[3].compute_infer.ns) == (1, 8 * MS)
    assert (statistics.compute.compute_infer.count, statistics.compute.compute_infer.ns) == (3, 24 * MS)


def test_an_execution_that_answered_nobody_is_one_all_the_same() -> None:
    statistics = ModelStatistics()
    statistics.record([], 0, Times(0.0, 0.01, 0.0), now_ms=5)
    assert (statistics.executions, statistics.success.count, statistics.last_inference_ms) == (1, 0, 0)
    assert not statistics.batches


def test_failures_add_nothing_to_what_was_answered() -> None:
    statistics = ModelStatistics()
    statistics.record_failure(BackendFailed("no"), 0.01)
    assert (statistics.fail.count, statistics.fail.ns, statistics.success.count) == (1, 10 * MS, 0)
    assert statistics.failures[FailureReason.BACKEND] == 1
    assert sum(statistics.failures.values()) == 1


def test_a_histogram_counts_what_is_at_most_each_bound() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 7.0):
        histogram.observe(value)
    assert histogram.cumulative() == [2, 3, 4]
    assert histogram.sum == 10.0


def test_the_responses_of_an_endless_stream_do_not_pile_up() -> None:
    statistics = ModelStatistics()
    for number in range(1100):
        statistics.record_response(number, "success", 0.1)
    assert statistics.first_response_seconds.cumulative()[-1] == 1
    assert statistics.responses[1023].success.count == 1
    assert len(statistics.responses) == 1024


def test_a_cached_request_is_a_request_and_no_inference() -> None:
    statistics = ModelStatistics()
    statistics.record([0.001], 5, Times(0.0, 0.008, 0.0), now_ms=10)
    statistics.record_cache_miss(0.002)
    statistics.record_cache_hit(lookup=0.003, waited=0.004)
    assert (statistics.success.count, statistics.queue.count, statistics.compute.count) == (2, 2, 1)
    assert (statistics.inferences, statistics.executions, statistics.last_inference_ms) == (5, 1, 10)
    assert (statistics.cache_hit.count, statistics.cache_hit.ns) == (1, 3 * MS)
    assert (statistics.cache_miss.count, statistics.cache_miss.ns) == (1, 2 * MS)
    assert (statistics.success.ns, statistics.queue.ns) == (18 * MS, 5 * MS)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Overloaded("full"), FailureReason.REJECTED),
        (Hopeless("late"), FailureReason.REJECTED),
        (DeadlineExceeded("late"), FailureReason.REJECTED),
        (Cancelled("gone"), FailureReason.CANCELED),
        (BackendFailed("broken"), FailureReason.BACKEND),
        (InvalidInput("wrong"), FailureReason.OTHER),
    ],
)
def test_failures_are_told_apart_as_triton_does(error: Exception, reason: FailureReason) -> None:
    assert failure_reason(error) is reason


def test_what_triton_calls_rejected_is_told_apart() -> None:
    statistics = ModelStatistics()
    for error in (Overloaded("full"), Hopeless("late"), Hopeless("late"), DeadlineExceeded("late"), Cancelled("gone")):
        statistics.record_failure(error, 0.0)
    assert statistics.failures[FailureReason.REJECTED] == 4
    assert statistics.refusals == {Refusal.QUEUE_FULL: 1, Refusal.HOPELESS: 2, Refusal.EXPIRED: 1}


def test_a_request_in_steps_counts_once_with_the_times_of_all_its_steps() -> None:
    statistics = ModelStatistics()
    statistics.record_steps(1.5, 0.5, 4, Times(0.1, 1.2, 0.2), now_ms=77)
    assert (statistics.success.count, statistics.success.seconds) == (1, 1.5)
    assert (statistics.inferences, statistics.executions, statistics.last_inference_ms) == (4, 1, 77)
    assert (statistics.queue.count, statistics.queue.seconds) == (1, 0.5)
    assert statistics.batches[4].compute_infer.seconds == statistics.compute.compute_infer.seconds == 1.2
    assert statistics.request_seconds.sum == 1.5
