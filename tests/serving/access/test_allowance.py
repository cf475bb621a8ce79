import pytest

from serving.access.allowance import Allowance


def test_a_second_of_requests_comes_at_once_and_the_next_when_it_is_due() -> None:
    allowance = Allowance(4.0, None)
    assert [allowance.enter(100.0) for _ in range(4)] == [0, 0, 0, 0]
    assert allowance.enter(100.0) == pytest.approx(0.25)
    assert allowance.enter(100.25) == 0
    assert allowance.enter(100.25) > 0


def test_what_is_not_used_does_not_pile_up() -> None:
    allowance = Allowance(2.0, None)
    assert [allowance.enter(moment) for moment in (100.0, 500.0, 500.0)] == [0, 0, 0]
    assert allowance.enter(500.0) > 0


def test_less_than_one_a_second_is_one_now_and_then() -> None:
    allowance = Allowance(0.1, None)
    assert allowance.enter(100.0) == 0
    assert allowance.enter(100.0) == pytest.approx(10)
    assert allowance.enter(110.0) == 0


def test_so_many_at_a_time_and_whoever_leaves_makes_room() -> None:
    allowance = Allowance(None, 2)
    assert [allowance.enter(0.0) for _ in range(3)] == [0, 0, 1]
    allowance.leave()
    assert allowance.enter(0.0) == 0


def test_who_finds_no_room_has_not_used_its_rate() -> None:
    allowance = Allowance(1.0, 1)
    assert allowance.enter(100.0) == 0
    assert allowance.enter(101.0) == 1
    allowance.leave()
    assert allowance.enter(101.0) == 0


def test_a_request_that_comes_again_by_another_way_counts_once() -> None:
    allowance = Allowance(1.0, 1)
    assert allowance.enter(100.0) == 0
    allowance.undo()
    assert allowance.enter(100.0) == 0
    assert allowance.enter(100.0) > 0
