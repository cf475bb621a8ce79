from hypothesis import given
from hypothesis import strategies as st

from serving.core.bucket import Bucket


def test_so_many_at_once_and_no_more() -> None:
    bucket = Bucket(3, 1, now=10.0)
    assert [bucket.take(10.0) for _ in range(5)] == [True, True, True, False, False]


def test_what_was_taken_comes_back_with_time() -> None:
    bucket = Bucket(2, 4, now=0.0)
    assert [bucket.take(now) for now in (0, 0, 0.125, 0.25, 0.375, 0.5)] == [True, True, False, True, False, True]


def test_a_long_rest_gives_no_more_than_the_most() -> None:
    bucket = Bucket(2, 100, now=0.0)
    assert [bucket.take(1e6) for _ in range(3)] == [True, True, False]


def test_what_costs_more_is_had_less_often() -> None:
    bucket = Bucket(10, 1, now=0.0)
    assert [bucket.take(0.0, cost) for cost in (4, 4, 4, 2, 1)] == [True, True, False, True, False]


def test_who_finds_too_little_knows_how_long_it_takes_and_what_is_given_back_is_there_at_once() -> None:
    bucket = Bucket(1, 0.25, now=0.0)
    assert bucket.take(0.0)
    assert bucket.wait() == 4.0
    bucket.give_back()
    assert bucket.take(0.0)


@given(st.integers(1, 20), st.integers(1, 20), st.lists(st.integers(0, 40), max_size=200))
def test_in_any_span_no_more_than_the_most_and_what_came_in_it(most: int, per_second: int, pauses: list[int]) -> None:
    bucket, now, taken = Bucket(most, per_second, now=0.0), 0.0, list[float]()
    for pause in pauses:
        now += pause / 64
        if bucket.take(now):
            taken.append(now)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            assert last - first + 1 <= most + (taken[last] - taken[first]) * per_second + 1e-6


def test_it_says_what_is_left() -> None:
    bucket = Bucket(5, 1, now=0.0)
    bucket.take(0.0)
    assert repr(bucket) == "<Bucket 4 of 5 left>"
