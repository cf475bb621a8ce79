"""Of the dynamic batcher: what begins on the thread that brings it, without a queue."""

import pytest

from serving.core.batching_config import BatchingConfig
from serving.scheduling.dynamic import DynamicBatcher
from serving.scheduling.scheduler import HERE
from tests.serving.scheduling.requests import Request

ms = 1e-3

QUICK, SLOW = 0.05 * ms, 5 * ms


def batcher(delay: float = 0.0, takes: float = QUICK) -> DynamicBatcher[Request]:
    """Batches of up to 4 rows are known to take so long."""
    scheduler: DynamicBatcher[Request] = DynamicBatcher(BatchingConfig(8, delay, (8,)), 100)
    for rows in (1, 4):
        scheduler.learn(Request().key, "cpu", rows, takes, 0.0)
    return scheduler


def ran(scheduler: DynamicBatcher[Request], request: Request, now: float, seconds: float) -> None:
    """To its end, after it has begun alone."""
    [event] = scheduler.complete([request], ["answer"], now + seconds, HERE)
    assert (event.request, event.value) == (request, "answer")


def test_what_is_quick_begins_where_nobody_waits_and_has_arrived_then() -> None:
    scheduler, request = batcher(), Request()
    assert scheduler.begin_alone(request, 7.0)
    assert request.arrived == 7.0
    assert len(scheduler) == 0
    assert scheduler.schedule(7.0).batch is None, "nobody else runs it"


def test_it_takes_no_place_in_the_queue() -> None:
    scheduler: DynamicBatcher[Request] = DynamicBatcher(BatchingConfig(1, 0.0, (1,)), 1)
    scheduler.learn(Request().key, "cpu", 1, QUICK)
    for number in range(5):
        request = Request()
        assert scheduler.begin_alone(request, float(number))
        ran(scheduler, request, float(number), QUICK)
    scheduler.add(Request(), 5.0)


@pytest.mark.parametrize("key", [Request().key, "another shape"])
def test_while_another_waits_nothing_does(key: object) -> None:
    scheduler, waits, comes = batcher(), Request(key=key), Request()
    scheduler.add(waits, 1.0)
    assert not scheduler.begin_alone(comes, 2.0)
    assert (len(scheduler), comes.arrived) == (1, 0.0), "nothing has happened"
    assert scheduler.schedule(2.0).batch == [waits]
    assert scheduler.begin_alone(comes, 3.0)


def test_nothing_does_that_others_are_waited_for_to_join_until_the_batcher_is_closed() -> None:
    scheduler = batcher(delay=5 * ms)
    assert not scheduler.begin_alone(Request(), 0.0)
    scheduler.close()
    assert scheduler.begin_alone(Request(), 0.0)


@pytest.mark.parametrize("field", ["deadline", "queue_timeout"])
def test_what_can_expire_does_if_it_is_known_to_be_over_before(field: str) -> None:
    scheduler = batcher()
    assert not scheduler.begin_alone(Request(**{field: 60.0}), 0.0), "nobody knows how long it takes here"
    request = Request()
    assert scheduler.begin_alone(request, 0.0)
    ran(scheduler, request, 0.0, QUICK)
    assert not scheduler.begin_alone(Request(**{field: 0.9 * QUICK}), 0.0)
    plan = scheduler.begin_alone(Request(**{field: 1.1 * QUICK}), 0.0)
    assert plan is not None
    assert plan.expected == pytest.approx(QUICK if field == "deadline" else 0.0), "which somebody waits for"


def test_nothing_does_of_which_nobody_knows_how_long_it_takes_or_that_takes_long() -> None:
    assert not batcher().begin_alone(Request(key="never seen"), 0.0)
    assert not any(batcher(takes=SLOW).begin_alone(Request(), 0.0) for _ in range(20))


def test_a_larger_one_does_not_where_only_small_ones_were_seen_to_be_quick() -> None:
    scheduler = batcher(takes=SLOW)
    for _ in range(8):
        scheduler.learn(Request().key, "here", 1, QUICK, 0.0)
    assert scheduler.begin_alone(Request(rows=2), 0.0)
    ran(scheduler, Request(rows=2), 0.0, QUICK)
    assert not scheduler.begin_alone(Request(rows=8), 0.0)


def test_what_comes_of_it_is_learnt() -> None:
    scheduler, began = batcher(), 0
    for number in range(40):
        request = Request()
        assert scheduler.begin_alone(request, float(number))
        ran(scheduler, request, float(number), QUICK)
    for number in range(500):  # it has become slow
        request = Request()
        if scheduler.begin_alone(request, 50.0 + number):
            ran(scheduler, request, 50.0 + number, SLOW)
            began += 1
    assert 32 <= began <= 200


def test_after_one_that_stalled_nothing_does_for_a_while() -> None:
    scheduler, request = batcher(), Request()
    assert scheduler.begin_alone(request, 0.0)
    ran(scheduler, request, 0.0, 50 * ms)
    assert not scheduler.begin_alone(Request(), 1.0)
    assert scheduler.begin_alone(Request(), 6.0)


def test_one_that_failed_is_told_and_says_nothing_of_times() -> None:
    scheduler, request, failure = batcher(), Request(), ValueError("no")
    assert scheduler.begin_alone(request, 0.0)
    [event] = scheduler.complete([request], [failure], 10 * ms, HERE)
    assert event.error is failure
    assert scheduler.begin_alone(Request(), 1.0), "that it took 10 ms was not learnt"


def test_it_keeps_no_instance_from_what_comes_next() -> None:
    """An estimate says when the next one begins, by which it is let in."""
    scheduler = batcher(takes=SLOW)
    for _ in range(8):
        scheduler.learn(Request().key, "here", 1, QUICK, 0.0)
    assert scheduler.begin_alone(Request(), 0.0)
    hurried = Request(deadline=SLOW * 1.5)
    scheduler.add(hurried, 0.0)
    assert scheduler.schedule(0.0).batch == [hurried]


@pytest.mark.parametrize("deadline", [float("inf"), 60.0])
@pytest.mark.parametrize("is_lone", [True, False])
def test_what_is_not_quick_is_tried_no_more_often_than_from_the_queue(is_lone: bool, deadline: float) -> None:
    scheduler, now, tried = batcher(takes=1 * ms), 0.0, 0
    for _ in range(3 * 265):
        request = Request(deadline=now + deadline)
        if is_lone and scheduler.begin_alone(request, now):
            instance = HERE
        else:
            scheduler.add(request, now)
            instance = HERE if scheduler.is_quick(now) else 0
            assert scheduler.schedule(now, instance).batch == [request]
        scheduler.complete([request], ["answer"], now + 1 * ms, instance)
        tried += instance == HERE
        now += 2 * ms
    assert tried == 3 * 8
