import pytest

from serving.scheduling.best_batch import best_seconds
from serving.scheduling.latency_model import LatencyModel
from serving.scheduling.ranked_queue import RankedQueue
from tests.serving.scheduling.requests import Request

ms = 1e-3


def model() -> LatencyModel:
    made = LatencyModel()
    for rows in (1, 32):
        made.observe(rows, 4 * ms + 0.4 * ms * rows)
    return made


def waiting(*dues: float) -> RankedQueue[Request]:
    entries = {request: (0, due, number, request) for number, due in enumerate(dues) for request in [Request()]}
    queue: RankedQueue[Request] = RankedQueue(entries)
    for entry in entries.values():
        queue.add(entry)
    return queue


def test_a_full_batch_where_enough_have_the_time() -> None:
    assert best_seconds(waiting(*[30 * ms] * 40), model(), 32, 0.0) == pytest.approx(16.8 * ms, rel=0.01)


def test_no_more_than_there_are() -> None:
    assert best_seconds(waiting(*[30 * ms] * 10), model(), 32, 0.0) == pytest.approx(8 * ms, rel=0.01)


def test_what_few_have_time_for_is_not_the_best() -> None:
    """32 rows take 16.8 ms, which 4 have; 18 take 11.2 ms, which all have."""
    dues = [12 * ms] * 28 + [30 * ms] * 4
    assert best_seconds(waiting(*dues), model(), 32, 0.0) == pytest.approx(11.2 * ms, rel=0.01)
    assert best_seconds(waiting(*dues), model(), 32, 12 * ms) == pytest.approx(5.6 * ms, rel=0.01), (
        "of the four that are left"
    )


def test_none_where_nobody_has_time_for_any() -> None:
    assert best_seconds(waiting(1 * ms, 2 * ms), model(), 32, 0.0) == 0.0
