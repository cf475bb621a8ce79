from itertools import pairwise

import pytest

from serving.errors import DeadlineExceeded, Overloaded
from serving.scheduling.dynamic import DynamicBatcher
from tests.serving.scheduling.requests import Request

ms = 1e-3


def batcher(max_batch_size: int = 8, delay: float = 0.0, max_queue_size: int = 100) -> DynamicBatcher[Request]:
    return DynamicBatcher(max_batch_size, delay, max_queue_size)


def add(scheduler: DynamicBatcher[Request], *requests: Request, now: float = 0.0) -> None:
    for request in requests:
        scheduler.add(request, now)


def test_an_idle_instance_starts_a_lone_request_at_once() -> None:
    scheduler, request = batcher(), Request()
    add(scheduler, request)
    assert scheduler.schedule(0.0).batch == [request]


def test_an_empty_queue_asks_for_nothing() -> None:
    plan = batcher(delay=5 * ms).schedule(0.0)
    assert (plan.batch, plan.wake_at, plan.events) == (None, None, [])


def test_what_arrived_while_instances_were_busy_runs_together_in_order() -> None:
    scheduler, requests = batcher(), [Request() for _ in range(5)]
    for number, request in enumerate(requests):
        add(scheduler, request, now=number * ms)
    assert scheduler.schedule(5 * ms).batch == requests


def test_a_lone_request_waits_max_queue_delay_and_no_longer() -> None:
    scheduler, request = batcher(delay=5 * ms), Request()
    add(scheduler, request)
    waiting = scheduler.schedule(4 * ms)
    assert (waiting.batch, waiting.wake_at) == (None, 5 * ms)
    assert scheduler.schedule(5 * ms).batch == [request]


def test_a_full_batch_does_not_wait() -> None:
    scheduler = batcher(max_batch_size=2, delay=5 * ms)
    add(scheduler, Request(), Request())
    assert len(scheduler.schedule(0.0).batch or []) == 2


def test_a_batch_that_the_next_request_would_overfill_does_not_wait() -> None:
    scheduler, small, large = batcher(max_batch_size=4, delay=5 * ms), Request(rows=2), Request(rows=3)
    add(scheduler, small, large)
    assert scheduler.schedule(0.0).batch == [small]


def test_a_full_batch_does_not_wait_behind_an_older_request_that_is_held_back() -> None:
    scheduler = batcher(max_batch_size=2, delay=5 * ms)
    head, one, two = Request(key="a"), Request(key="b"), Request(key="b")
    add(scheduler, head, one, two)
    assert scheduler.schedule(1 * ms).batch == [one, two]
    assert scheduler.schedule(1 * ms).batch is None
    assert scheduler.schedule(5 * ms).batch == [head]


def test_an_older_request_that_is_due_goes_before_a_full_batch() -> None:
    scheduler = batcher(max_batch_size=2, delay=5 * ms)
    head = Request(key="a")
    add(scheduler, head)
    add(scheduler, Request(key="b"), Request(key="b"), now=5 * ms)
    assert scheduler.schedule(5 * ms).batch == [head]


def test_cancelling_makes_a_full_batch_wait_again() -> None:
    scheduler, gone = batcher(max_batch_size=2, delay=5 * ms), Request()
    add(scheduler, Request(), gone)
    scheduler.cancel(gone)
    assert scheduler.schedule(0.0).batch is None


def test_a_limit_of_one_row_runs_requests_alone_whatever_their_rows() -> None:
    scheduler, first, second = batcher(max_batch_size=1), Request(rows=3), Request()
    add(scheduler, first, second)
    assert [scheduler.schedule(0.0).batch, scheduler.schedule(0.0).batch] == [[first], [second]]


def test_other_shapes_do_not_join_and_are_not_in_the_way() -> None:
    scheduler = batcher()
    a1, b1, a2 = Request(key=(3,)), Request(key=(4,)), Request(key=(3,))
    add(scheduler, a1, b1, a2)
    assert scheduler.schedule(0.0).batch == [a1, a2]
    assert scheduler.schedule(0.0).batch == [b1]


def test_a_request_whose_deadline_passed_is_answered_and_not_run() -> None:
    scheduler, late, other = batcher(), Request(deadline=10 * ms), Request()
    add(scheduler, late, other)
    plan = scheduler.schedule(10 * ms)
    [event] = plan.events
    assert event.request is late
    assert isinstance(event.error, DeadlineExceeded)
    assert plan.batch == [other]


def test_a_held_back_request_is_woken_for_its_deadline() -> None:
    scheduler = batcher(delay=50 * ms)
    add(scheduler, Request(deadline=10 * ms))
    assert scheduler.schedule(0.0).wake_at == 10 * ms


def test_a_full_queue_refuses_and_keeps_what_it_has() -> None:
    scheduler, first = batcher(max_queue_size=1), Request()
    add(scheduler, first)
    with pytest.raises(Overloaded, match="Exceeds maximum queue size: 1 requests"):
        add(scheduler, Request())
    assert scheduler.schedule(0.0).batch == [first]


def test_a_cancelled_request_leaves_no_trace() -> None:
    scheduler, gone, stays = batcher(), Request(deadline=1 * ms), Request()
    add(scheduler, gone, stays)
    scheduler.cancel(gone)
    plan = scheduler.schedule(2 * ms)
    assert (plan.batch, plan.events) == ([stays], [])


def test_cancelling_what_already_runs_changes_nothing() -> None:
    scheduler, request = batcher(), Request()
    add(scheduler, request)
    batch = scheduler.schedule(0.0).batch or []
    scheduler.cancel(request)
    assert [event.value for event in scheduler.complete(batch, ["answer"])] == ["answer"]


def test_outcomes_that_are_exceptions_become_errors() -> None:
    scheduler, good, bad = batcher(), Request(), Request()
    failure = ValueError("no")
    events = scheduler.complete([good, bad], [1, failure])
    assert [(event.value, event.error) for event in events] == [(1, None), (None, failure)]


def test_closing_holds_nothing_back() -> None:
    scheduler = batcher(delay=10.0)
    add(scheduler, Request())
    scheduler.close()
    assert scheduler.schedule(0.0).batch is not None


def test_deadlines_of_requests_that_left_do_not_pile_up() -> None:
    scheduler = batcher()
    for _ in range(10_000):
        add(scheduler, Request(deadline=3600.0))
        scheduler.schedule(0.0)
    assert len(scheduler._deadlines) < 100


def test_scheduling_does_not_slow_down_with_the_queue() -> None:
    """Counts the requests that one call looks at, not seconds."""

    class Counting(Request):
        looks = 0

        def __hash__(self) -> int:
            Counting.looks += 1
            return id(self)

    looks = []
    for length in (100, 10_000):
        scheduler = batcher(max_queue_size=length)
        add(scheduler, *(Counting() for _ in range(length)))
        Counting.looks = 0
        scheduler.schedule(0.0)
        looks.append(Counting.looks)
    assert all(later <= 2 * earlier for earlier, later in pairwise(looks))


def test_repr_tells_the_queue() -> None:
    scheduler = batcher()
    add(scheduler, Request(rows=3), Request(rows=9))
    assert repr(scheduler) == "<DynamicBatcher 2 waiting, 12 rows>"
