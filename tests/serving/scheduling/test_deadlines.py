from math import inf

from serving.scheduling.deadlines import Deadlines
from tests.serving.scheduling.requests import Request


def test_the_earliest_comes_first_and_no_deadline_never() -> None:
    late, early, never = Request(deadline=2.0), Request(deadline=1.0), Request()
    deadlines: Deadlines[Request] = Deadlines([late, early, never])
    for request in (late, early, never):
        deadlines.add(request, request.deadline)
    assert (deadlines.next(), deadlines.pop()) == (1.0, early)
    assert (deadlines.next(), deadlines.pop()) == (2.0, late)
    assert deadlines.next() == inf


def test_a_request_that_left_has_no_deadline() -> None:
    here, gone = Request(deadline=2.0), Request(deadline=1.0)
    deadlines: Deadlines[Request] = Deadlines([here])
    for request in (here, gone):
        deadlines.add(request, request.deadline)
    assert deadlines.next() == 2.0


def test_entries_of_requests_that_left_do_not_pile_up() -> None:
    deadlines: Deadlines[Request] = Deadlines([])
    for _ in range(10_000):
        deadlines.add(Request(), 1e9)
    assert len(deadlines) < 100
