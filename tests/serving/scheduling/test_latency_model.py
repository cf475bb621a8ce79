import random

import pytest

from serving.scheduling.latency_model import LatencyModel

ms = 1e-3


def truth(rows: int) -> float:
    return 4 * ms + 0.4 * ms * rows


def test_two_sizes_are_enough_for_a_line() -> None:
    model = LatencyModel()
    assert (model.seen, model.expected(8)) == (False, 0.0)
    for rows in (1, 32):
        model.observe(rows, truth(rows))
    assert model.seen
    for rows in (1, 8, 32, 64):
        assert model.expected(rows) == pytest.approx(truth(rows), rel=0.01)


def test_one_size_says_nothing_of_others() -> None:
    model = LatencyModel()
    model.observe(4, truth(4))
    assert model.expected(1) == model.expected(64) == truth(4)


def test_what_a_row_takes_is_remembered_while_all_batches_are_of_one_size() -> None:
    """Or else a long overload, when all are full, would end with small ones being refused for ever."""
    model = LatencyModel()
    for rows in (1, 8, 32):
        model.observe(rows, truth(rows))
    for _ in range(5000):
        model.observe(32, truth(32))
    assert model.expected(1) == pytest.approx(truth(1), rel=0.05)
    assert model.expected(32) == pytest.approx(truth(32), rel=0.001)


def test_it_follows_a_machine_that_became_slower() -> None:
    model, dice = LatencyModel(), random.Random(1)
    for factor in (1, 3):
        for _ in range(300):
            rows = dice.randint(1, 32)
            model.observe(rows, factor * truth(rows))
        assert model.expected(16) == pytest.approx(factor * truth(16), rel=0.05)


def test_the_guard_covers_what_is_usual_and_not_the_one_time_that_the_machine_stalled() -> None:
    model, dice = LatencyModel(), random.Random(1)
    for number in range(400):
        rows = dice.randint(1, 32)
        model.observe(rows, truth(rows) * (100 if number == 300 else dice.uniform(0.8, 1.2)))
    within = [truth(rows) * dice.uniform(0.8, 1.2) <= model.safely(rows) for rows in range(1, 33) for _ in range(30)]
    assert sum(within) / len(within) > 0.95
    assert model.guard < 1.5


@pytest.mark.parametrize(("first", "then"), [(1, 32), (32, 1)])
def test_a_size_that_was_never_seen_is_learnt_at_once_and_is_no_error(first: int, then: int) -> None:
    """Or else a burst after a calm would have most of it refused, until a hundred batches ran."""
    model = LatencyModel()
    for _ in range(200):
        model.observe(first, truth(first))
    model.observe(then, truth(then))
    for _ in range(20):
        model.observe(first, truth(first))
    assert model.guard == pytest.approx(1.0, rel=0.01)
    assert model.expected(then) == pytest.approx(truth(then), rel=0.15)


def test_a_machine_that_stalls_again_and_again_has_not_everything_refused() -> None:
    model = LatencyModel()
    for number in range(400):
        model.observe(1, 1.0 if number % 10 == 0 else 1 * ms)
    assert model.guard <= 3.0


def test_times_are_never_negative() -> None:
    model = LatencyModel()
    model.observe(1, 10 * ms)
    model.observe(32, 1 * ms)
    assert 0 <= model.expected(1) == model.expected(1000)
    steep = LatencyModel()
    steep.observe(10, 1 * ms)
    steep.observe(100, 100 * ms)
    assert steep.expected(1) >= 0
    assert steep.expected(0) >= 0


@pytest.mark.parametrize("seconds", [0.0, 1 * ms, 4.1 * ms, 10 * ms, 17 * ms, 5.0])
def test_the_largest_batch_within_a_time(seconds: float) -> None:
    model = LatencyModel()
    for rows in (1, 32):
        model.observe(rows, truth(rows))
    rows = model.rows_within(seconds)
    assert rows == 0 or model.safely(rows) <= seconds + 1e-12
    assert model.safely(rows + 1) > seconds


def test_where_rows_cost_nothing_there_is_no_largest_batch() -> None:
    model = LatencyModel()
    model.observe(4, 1 * ms)
    assert model.rows_within(0.9 * ms) == 0
    assert model.rows_within(1.1 * ms) >= 10**6
