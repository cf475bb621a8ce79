from hypothesis import given
from hypothesis import strategies as st

from serving.scheduling.arrival_order import ArrivalOrder
from serving.scheduling.scheduler import Event
from tests.serving.scheduling.requests import Request


def accepted(count: int) -> tuple[ArrivalOrder[Request], list[Request]]:
    order: ArrivalOrder[Request] = ArrivalOrder()
    requests = [Request() for _ in range(count)]
    for request in requests:
        order.accept(request)
    return order, requests


def test_what_is_known_early_waits_for_what_arrived_earlier() -> None:
    order, (first, second, third) = accepted(3)
    late, early = Event(first, "a"), [Event(third, "c"), Event(second, "b")]
    assert order.release(early) == []
    assert repr(order) == "<ArrivalOrder 3 requests, 2 held>"
    assert order.release([late]) == [late, early[1], early[0]]
    assert len(order) == 0


def test_errors_have_their_turn_too() -> None:
    order, (first, second) = accepted(2)
    failed = Event(second, error=ValueError("no"))
    assert order.release([failed]) == []
    assert order.is_held(second)
    answer = Event(first, "a")
    assert order.release([answer]) == [answer, failed]


def test_nobody_waits_for_a_request_whose_caller_is_gone() -> None:
    order, (gone, stays) = accepted(2)
    held = Event(stays, "b")
    assert order.release([held]) == []
    assert order.forget(gone) == [held]
    assert order.release([Event(gone, "a")]) == [], "what still comes of it is told nobody"


def test_a_request_that_is_told_can_be_forgotten() -> None:
    order, (first, second) = accepted(2)
    assert len(order.release([Event(first, "a")])) == 1
    assert order.forget(first) == []
    assert not order.is_held(first)
    assert len(order.release([Event(second, "b")])) == 1


@given(st.permutations(range(12)), st.sets(st.integers(0, 11)))
def test_each_is_told_once_and_in_order_whatever_ends_first(ends: list[int], gone: set[int]) -> None:
    order, requests = accepted(12)
    told: list[Request] = []
    for number in ends:
        request = requests[number]
        events = order.forget(request) if number in gone else order.release([Event(request, number)])
        told += [event.request for event in events]
    assert told == [request for number, request in enumerate(requests) if number not in gone]
    assert len(order) == 0
