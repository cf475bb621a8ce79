from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from serving.scheduling.ranked_queue import Entry, RankedQueue
from tests.serving.scheduling.requests import Request


class Owner:
    """Puts requests in and takes them out, as a scheduler does."""

    def __init__(self) -> None:
        self.entries: dict[Request, Entry[Request]] = {}
        self.queue: RankedQueue[Request] = RankedQueue(self.entries)
        self._ticket = count()

    def add(self, request: Request, rank: int, due: float) -> None:
        self.entries[request] = (rank, due, next(self._ticket), request)
        self.queue.add(self.entries[request])

    def remove(self, *requests: Request) -> None:
        for request in requests:
            del self.entries[request]
        self.queue.left(len(requests), sum(request.rows for request in requests))


def test_ranks_come_in_order_and_within_one_who_is_due_first() -> None:
    owner = Owner()
    low, late, first, second = (Request() for _ in range(4))
    for request, rank, due in ((low, 2, 0.0), (late, 0, 2.0), (first, 0, 1.0), (second, 0, 1.0)):
        owner.add(request, rank, due)
    assert list(owner.queue) == [first, second, late, low]
    assert owner.queue.head is first


def test_any_request_can_leave_and_rows_are_counted() -> None:
    owner = Owner()
    stays, goes = Request(rows=2), Request(rows=3)
    owner.add(stays, 0, due=0.0)
    owner.add(goes, 0, due=0.0)
    assert owner.queue.rows == 5
    owner.remove(goes)
    assert (list(owner.queue), owner.queue.rows, len(owner.queue)) == ([stays], 2, 1)
    owner.remove(stays)
    assert (owner.queue.rows, bool(owner.queue)) == (0, False)


def test_who_comes_again_has_the_place_of_the_last_time() -> None:
    owner = Owner()
    again, other = Request(), Request()
    owner.add(again, 0, due=0.0)
    owner.add(other, 0, due=1.0)
    owner.remove(again)
    owner.add(again, 1, due=0.0)
    assert list(owner.queue) == [other, again]


def test_entries_of_those_that_left_do_not_pile_up_behind_one_that_stays() -> None:
    owner = Owner()
    owner.add(Request(), 0, due=0.0)
    for _ in range(1000):
        passing = Request()
        owner.add(passing, 0, due=1.0)
        owner.remove(passing)
    assert len(owner.queue._order) < 100


def test_rows_before_a_moment_are_those_of_higher_ranks_and_of_who_is_due_until_then() -> None:
    owner = Owner()
    queue = owner.queue
    assert (queue.rows_before(0, 1.0), queue.rows_after(1.0)) == (0.0, 0.0)
    for rank, due in ((0, 9.0), (1, 1.0), (1, 2.0), (1, 3.0), (2, 0.0)):
        owner.add(Request(rows=2), rank, due)
    assert [queue.rows_before(1, due) for due in (0.5, 1.0, 2.5, 9.0)] == [2.0, 4.0, 6.0, 8.0]
    assert queue.rows_before(0, 8.0) == 0.0
    assert [queue.rows_after(due) for due in (-1.0, 0.0, 2.0, 9.0)] == [10.0, 8.0, 4.0, 0.0]


moves = st.tuples(st.integers(0, 2), st.sampled_from([0.0, 1.0, 2.0, 5.0]), st.integers(-1, 5))


@given(st.lists(moves, max_size=80))
def test_it_is_a_sorted_list_whoever_leaves(drawn: list[tuple[int, float, int]]) -> None:
    owner = Owner()
    places: dict[Request, tuple[int, float]] = {}
    for rank, due, leaves in drawn:
        request = Request(rows=1 + rank)
        owner.add(request, rank, due)
        places[request] = rank, due
        if 0 <= leaves < len(places):
            gone = list(places)[leaves]
            owner.remove(gone)
            del places[gone]
    in_order = sorted(places, key=places.__getitem__)
    assert list(owner.queue) == in_order
    assert len(owner.queue) == len(places)
    assert owner.queue.rows == sum(request.rows for request in places)
    assert not in_order or owner.queue.head is in_order[0]
