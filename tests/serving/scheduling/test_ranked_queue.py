from serving.scheduling.ranked_queue import RankedQueue
from tests.serving.scheduling.requests import Request


def test_ranks_come_in_order_and_within_one_who_is_due_first() -> None:
    queue: RankedQueue[Request] = RankedQueue(3)
    low, first, second = Request(), Request(), Request()
    queue.add(low, 2, due=0.0)
    queue.add(second, 0, due=2.0)
    queue.add(first, 0, due=1.0)
    assert list(queue) == [first, second, low]


def test_any_request_can_leave_and_rows_are_counted() -> None:
    queue: RankedQueue[Request] = RankedQueue(2)
    stays, goes = Request(rows=2), Request(rows=3)
    queue.add(stays, 0, due=0.0)
    queue.add(goes, 0, due=0.0)
    assert queue.rows == 5
    queue.remove(goes, 0)
    assert (list(queue), queue.rows, bool(queue)) == ([stays], 2, True)
    queue.remove(stays, 0)
    assert (queue.rows, bool(queue)) == (0, False)


def test_the_oldest_is_found_in_whichever_rank_it_is() -> None:
    queue: RankedQueue[Request] = RankedQueue(2)
    queue.add(Request(arrived=2.0), 0, due=3.0)
    queue.add(Request(arrived=1.0), 1, due=9.0)
    assert queue.oldest == 1.0


def test_rows_before_a_moment_are_those_of_higher_ranks_and_of_who_is_due_until_then() -> None:
    queue: RankedQueue[Request] = RankedQueue(3)
    assert (queue.rows_before(0, 1.0), queue.rows_after(1.0)) == (0.0, 0.0)
    for rank, due in ((0, 9.0), (1, 1.0), (1, 2.0), (1, 3.0), (2, 0.0)):
        queue.add(Request(rows=2), rank, due)
    assert [queue.rows_before(1, due) for due in (0.5, 1.0, 2.5, 9.0)] == [2.0, 4.0, 6.0, 8.0]
    assert queue.rows_before(0, 8.0) == 0.0
    assert [queue.rows_after(due) for due in (-1.0, 0.0, 2.0, 9.0)] == [10.0, 8.0, 4.0, 0.0]
