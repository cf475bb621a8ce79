from serving.scheduling.ranked_queue import RankedQueue
from tests.serving.scheduling.requests import Request


def test_ranks_come_in_order_and_within_one_who_came_first() -> None:
    queue: RankedQueue[Request] = RankedQueue(3)
    low, first, second = Request(), Request(), Request()
    queue.add(low, 2)
    queue.add(first, 0)
    queue.add(second, 0)
    assert list(queue) == [first, second, low]


def test_any_request_can_leave_and_rows_are_counted() -> None:
    queue: RankedQueue[Request] = RankedQueue(2)
    stays, goes = Request(rows=2), Request(rows=3)
    queue.add(stays, 0)
    queue.add(goes, 0)
    assert queue.rows == 5
    queue.remove(goes, 0)
    assert (list(queue), queue.rows, bool(queue)) == ([stays], 2, True)
    queue.remove(stays, 0)
    assert (queue.rows, bool(queue)) == (0, False)


def test_the_oldest_is_found_in_whichever_rank_it_is() -> None:
    queue: RankedQueue[Request] = RankedQueue(2)
    queue.add(Request(arrived=2.0), 0)
    queue.add(Request(arrived=1.0), 1)
    assert queue.oldest == 1.0
