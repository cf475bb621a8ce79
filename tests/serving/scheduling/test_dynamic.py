from itertools import pairwise
from math import inf

import pytest

from serving.core.batching_config import BatchingConfig, QueuePolicy
from serving.errors import DeadlineExceeded, Hopeless, Overloaded
from serving.scheduling.dynamic import DynamicBatcher
from serving.scheduling.scheduler import HERE
from tests.serving.scheduling.requests import Request

ms = 1e-3

Batcher = DynamicBatcher[Request]


def batcher(
    max_batch_size: int = 8, delay: float = 0.0, max_queue_size: int = 100, preferred: tuple[int, ...] = ()
) -> DynamicBatcher[Request]:
    return DynamicBatcher(BatchingConfig(max_batch_size, delay, preferred or (max_batch_size,)), max_queue_size)


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
    assert [event.value for event in scheduler.complete(batch, ["answer"], 0.0)] == ["answer"]


def test_outcomes_that_are_exceptions_become_errors() -> None:
    scheduler, good, bad = batcher(), Request(), Request()
    failure = ValueError("no")
    events = scheduler.complete([good, bad], [1, failure], 0.0)
    assert [(event.value, event.error) for event in events] == [(1, None), (None, failure)]


def test_closing_holds_nothing_back() -> None:
    scheduler = batcher(delay=10.0)
    add(scheduler, Request())
    scheduler.close()
    assert scheduler.schedule(0.0).batch is not None


def test_a_preferred_size_runs_at_once_and_other_sizes_are_held_back() -> None:
    scheduler = batcher(delay=5 * ms, preferred=(4, 8))
    add(scheduler, *(Request() for _ in range(3)))
    assert scheduler.schedule(0.0).batch is None
    add(scheduler, Request())
    assert len(scheduler.schedule(0.0).batch or []) == 4


def test_the_largest_preferred_size_that_waits_runs_and_the_rest_stays() -> None:
    scheduler = batcher(delay=5 * ms, preferred=(2, 4, 8))
    add(scheduler, *(Request() for _ in range(7)))
    sizes = [len(scheduler.schedule(1 * ms).batch or []) for _ in range(3)]
    assert sizes == [4, 2, 0]
    assert len(scheduler.schedule(5 * ms).batch or []) == 1


def test_when_the_delay_is_over_everything_that_fits_runs() -> None:
    scheduler = batcher(delay=5 * ms, preferred=(2, 8))
    add(scheduler, *(Request() for _ in range(3)))
    assert len(scheduler.schedule(5 * ms).batch or []) == 3


def test_rows_beyond_the_largest_preferred_size_are_not_held_back() -> None:
    scheduler, requests = batcher(delay=5 * ms, preferred=(4,)), [Request(rows=3), Request(rows=2)]
    add(scheduler, *requests)
    assert scheduler.schedule(0.0).batch == requests


def test_without_a_delay_a_preferred_size_is_taken_and_anything_else_is_not_held_back() -> None:
    scheduler = batcher(preferred=(4,))
    add(scheduler, *(Request() for _ in range(6)))
    assert [len(scheduler.schedule(0.0).batch or []) for _ in range(2)] == [4, 2]


def test_a_preferred_size_does_not_wait_behind_an_older_request_that_is_held_back() -> None:
    scheduler = batcher(delay=5 * ms, preferred=(2, 8))
    head, one, two = Request(key="a"), Request(key="b"), Request(key="b")
    add(scheduler, head, one, two)
    assert [scheduler.schedule(1 * ms).batch, scheduler.schedule(1 * ms).batch] == [[one, two], None]


def test_cancelling_can_make_a_preferred_size() -> None:
    scheduler, gone, stays = batcher(delay=5 * ms, preferred=(2, 8)), Request(), Request(rows=2)
    add(scheduler, gone, stays)
    assert scheduler.schedule(0.0).batch is None
    scheduler.cancel(gone)
    assert scheduler.schedule(0.0).batch == [stays]


def leveled(*policies: QueuePolicy, delay: float = 0.0, max_batch_size: int = 1) -> DynamicBatcher[Request]:
    return DynamicBatcher(
        BatchingConfig(max_batch_size, delay, (max_batch_size,), policies, default_level=len(policies) - 1), 100
    )


REJECT, DELAY = QueuePolicy(), QueuePolicy(delays=True)


def run_all(scheduler: DynamicBatcher[Request], now: float) -> list[Request]:
    ran: list[Request] = []
    while batch := scheduler.schedule(now).batch:
        ran += batch
    return ran


def test_higher_priorities_run_first_and_others_have_the_default() -> None:
    scheduler = leveled(REJECT, REJECT, REJECT)
    none, low, unknown, high = (Request(priority=priority) for priority in (0, 3, 9, 1))
    middle = Request(priority=2)
    add(scheduler, none, low, unknown, high, middle)
    assert run_all(scheduler, 0.0) == [high, middle, none, low, unknown]


def test_a_delayed_request_runs_when_no_other_of_its_level_waits() -> None:
    scheduler = leveled(DELAY, DELAY)
    low, late, later, fresh = Request(priority=2), Request(deadline=1 * ms, priority=1), Request(priority=1), Request()
    later.deadline = 2 * ms
    fresh.priority = 1
    add(scheduler, low, late, later)
    assert scheduler.schedule(0.0).batch == [late]
    add(scheduler, late)
    add(scheduler, fresh, now=3 * ms)
    assert run_all(scheduler, 3 * ms) == [fresh, late, later, low]


def test_a_delayed_request_joins_the_batch_of_those_in_time_behind_them() -> None:
    scheduler = leveled(DELAY, max_batch_size=3)
    late, *others = Request(deadline=1 * ms), Request(), Request()
    add(scheduler, late, *others)
    plan = scheduler.schedule(1 * ms)
    assert (plan.batch, plan.events) == ([*others, late], [])


def test_a_delayed_request_counts_as_waiting_until_it_runs() -> None:
    scheduler = leveled(QueuePolicy(max_queue_size=1, delays=True), delay=1.0, max_batch_size=2)
    add(scheduler, Request(deadline=1 * ms))
    assert scheduler.schedule(1 * ms).batch is None
    with pytest.raises(Overloaded, match="Exceeds maximum queue size: 1 requests"):
        add(scheduler, Request())
    assert run_all(scheduler, 1.0)
    add(scheduler, Request())


def test_a_delayed_request_can_be_cancelled() -> None:
    scheduler = leveled(DELAY, delay=1.0, max_batch_size=2)
    gone = Request(deadline=1 * ms)
    add(scheduler, gone)
    assert scheduler.schedule(1 * ms).batch is None
    scheduler.cancel(gone)
    assert (len(scheduler), run_all(scheduler, 2.0)) == (0, [])


def test_each_level_treats_what_expires_in_its_own_way() -> None:
    scheduler = leveled(REJECT, DELAY)
    rejected, delayed = (Request(deadline=1 * ms, priority=priority) for priority in (1, 2))
    add(scheduler, rejected, delayed)
    plan = scheduler.schedule(1 * ms)
    assert ([event.request for event in plan.events], plan.batch) == ([rejected], [delayed])


def test_a_level_that_is_full_refuses_and_others_do_not() -> None:
    scheduler = leveled(QueuePolicy(max_queue_size=1), REJECT)
    add(scheduler, Request(priority=1), Request(priority=2), Request(priority=2))
    with pytest.raises(Overloaded, match="Exceeds maximum queue size: 1 requests"):
        add(scheduler, Request(priority=1))
    assert len(scheduler) == 3


def test_a_request_of_low_priority_is_not_held_back_longer_because_others_came() -> None:
    scheduler = leveled(REJECT, REJECT, delay=5 * ms, max_batch_size=8)
    low, high = Request(priority=2), Request(priority=1)
    add(scheduler, low)
    add(scheduler, high, now=4 * ms)
    assert scheduler.schedule(4 * ms).wake_at == 5 * ms
    assert scheduler.schedule(5 * ms).batch == [high, low]


def test_who_comes_after_a_request_was_delayed_goes_before_it() -> None:
    scheduler = leveled(DELAY)
    late, first, second, third = Request(deadline=1 * ms), Request(), Request(), Request()
    add(scheduler, late, first, second)
    assert scheduler.schedule(1 * ms).batch == [first]
    add(scheduler, third, now=2 * ms)
    assert run_all(scheduler, 2 * ms) == [second, third, late]


def test_a_full_batch_of_which_one_expires_waits_again() -> None:
    scheduler, stays = batcher(max_batch_size=2, delay=5 * ms), Request()
    add(scheduler, Request(deadline=1 * ms), stays)
    plan = scheduler.schedule(1 * ms)
    assert (len(plan.events), plan.batch, plan.wake_at) == (1, None, 5 * ms)


def test_a_full_batch_that_expires_as_a_whole_leaves_others_held_back() -> None:
    scheduler = batcher(max_batch_size=2, delay=5 * ms)
    add(scheduler, Request(key="a"), *(Request(key="b", deadline=1 * ms) for _ in range(2)))
    plan = scheduler.schedule(1 * ms)
    assert (len(plan.events), plan.batch, plan.wake_at) == (2, None, 5 * ms)


def test_deadlines_of_requests_that_left_do_not_pile_up() -> None:
    scheduler = batcher()
    for _ in range(10_000):
        add(scheduler, Request(deadline=3600.0))
        scheduler.schedule(0.0)
    assert len(scheduler._deadlines) < 100


def test_shapes_that_came_once_do_not_pile_up() -> None:
    scheduler = batcher()
    for number in range(1000):
        add(scheduler, Request(key=number))
        scheduler.schedule(0.0)
    assert len(scheduler._groups) < 100


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


def taught(max_batch_size: int = 8, delay: float = 0.0, levels: tuple[QueuePolicy, ...] = (QueuePolicy(),)) -> Batcher:
    """Batches take 4 ms and 1 ms for each row."""
    config = BatchingConfig(max_batch_size, delay, (max_batch_size,), levels)
    scheduler: Batcher = DynamicBatcher(config, 1000)
    for rows in (1, 8):
        scheduler.learn((), "cpu", rows, 4 * ms + rows * ms, 0.0)
    return scheduler


def test_who_is_due_first_runs_first_and_without_a_deadline_one_is_due_in_a_second() -> None:
    scheduler = batcher(max_batch_size=1)
    patient, never, soon, later = (Request(deadline=at) for at in (9.0, inf, 0.5, 0.7))
    add(scheduler, patient, never, soon, later)
    assert [scheduler.schedule(0.0).batch for _ in range(4)] == [[soon], [later], [never], [patient]]


def test_with_preserve_ordering_they_run_as_they_came() -> None:
    config = BatchingConfig(1, 0.0, (1,), preserve_ordering=True)
    scheduler: Batcher = DynamicBatcher(config, 100)
    first, second = Request(deadline=9.0), Request(deadline=0.5)
    add(scheduler, first, now=0.0)
    add(scheduler, second, now=0.1)
    assert [scheduler.schedule(0.1).batch, scheduler.schedule(0.1).batch] == [[first], [second]]


def test_a_batch_is_as_large_as_the_head_has_time_for() -> None:
    scheduler = taught()
    add(scheduler, Request(deadline=7.5 * ms), *(Request(deadline=1.0) for _ in range(5)))
    assert len(scheduler.schedule(0.0).batch or []) == 3, "4 ms and 3 rows are 7 ms, a fourth would be late"
    assert len(scheduler.schedule(0.0).batch or []) == 3


def test_what_would_expire_while_it_runs_is_answered_and_not_run() -> None:
    scheduler = taught()
    late, other = Request(deadline=6 * ms), Request(deadline=1.0)
    add(scheduler, late, other)
    plan = scheduler.schedule(2 * ms)
    assert [(event.request, type(event.error)) for event in plan.events] == [(late, DeadlineExceeded)]
    assert plan.batch == [other]


def test_under_overload_heads_that_would_make_a_batch_small_are_dropped() -> None:
    scheduler = taught()
    hurried = [Request(deadline=16 * ms), Request(deadline=16.5 * ms)]
    others = [Request(deadline=60 * ms) for _ in range(8)]
    add(scheduler, *hurried, *others)
    plan = scheduler.schedule(10 * ms)
    assert ([event.request for event in plan.events], plan.batch) == (hurried, others)


def test_without_overload_a_small_batch_for_the_sake_of_its_head_is_fine() -> None:
    scheduler = taught()
    hurried, others = Request(deadline=6.5 * ms), [Request(deadline=40 * ms) for _ in range(7)]
    add(scheduler, hurried, *others)
    plan = scheduler.schedule(0.0)
    assert (plan.events, plan.batch) == ([], [hurried, others[0]])


def test_who_was_refused_lately_means_overload_however_few_wait() -> None:
    scheduler = taught()
    hurried, others = Request(deadline=6.5 * ms), [Request(deadline=40 * ms) for _ in range(7)]
    add(scheduler, hurried, *others)
    with pytest.raises(Overloaded):
        add(scheduler, Request(deadline=4 * ms))
    plan = scheduler.schedule(0.0)
    assert ([event.request for event in plan.events], plan.batch) == ([hurried], others)


def test_what_could_not_be_answered_in_time_is_refused_at_the_door() -> None:
    scheduler = taught()
    with pytest.raises(Hopeless, match="start in about 0 ms, take 5 ms and has 4 ms"):
        add(scheduler, Request(deadline=4 * ms))
    add(scheduler, *(Request(deadline=1.0) for _ in range(8)))
    assert len(scheduler.schedule(0.0).batch or []) == 8
    add(scheduler, *(Request(deadline=40 * ms) for _ in range(16)))
    add(scheduler, Request(deadline=20 * ms))  # it will run before them, when those that run are done
    with pytest.raises(Hopeless, match="start in about 26 ms, take 5 ms and has 31 ms"):
        add(scheduler, Request(deadline=41 * ms), now=10 * ms)
    add(scheduler, Request(deadline=90 * ms), Request(), now=10 * ms)
    assert len(scheduler) == 19, "what was refused left nothing behind"


def test_retry_after_says_when_the_queue_has_drained() -> None:
    scheduler = taught(max_batch_size=1)
    add(scheduler, *(Request() for _ in range(1000)))
    with pytest.raises(Overloaded) as refused:
        add(scheduler, Request(deadline=1.6))
    assert refused.value.retry_after == 4, "a thousand runs of 5 ms, less what it would have waited"


def test_who_may_be_delayed_is_neither_refused_nor_dropped() -> None:
    scheduler = taught(levels=(QueuePolicy(delays=True),))
    late = Request(deadline=1 * ms)
    add(scheduler, late)
    assert scheduler.schedule(0.5 * ms).batch == [late]


def test_a_held_back_batch_runs_while_its_head_can_still_be_in_time() -> None:
    scheduler = taught(delay=100 * ms)
    request = Request(deadline=50 * ms)
    add(scheduler, request)
    wake_at = scheduler.schedule(0.0).wake_at
    assert wake_at == pytest.approx(38 * ms, rel=0.01), "a full batch takes 12 ms"
    assert scheduler.schedule(wake_at).batch == [request]


def test_it_learns_from_what_ran_and_after_a_pause_tries_one_before_it_refuses_more() -> None:
    scheduler, request = batcher(), Request()
    add(scheduler, request)
    scheduler.complete(scheduler.schedule(0.0).batch or [], [None], 30 * ms)
    with pytest.raises(Overloaded):
        add(scheduler, Request(deadline=50 * ms), now=30 * ms)
    trial = Request(deadline=10.02)
    add(scheduler, trial, now=10.0)
    with pytest.raises(Overloaded):
        add(scheduler, Request(deadline=10.02), now=10.0)
    assert scheduler.schedule(10.0).batch == [trial]


def test_a_request_that_is_in_nobodys_way_is_tried_though_it_may_be_late() -> None:
    """Or else a machine that stalls often would refuse everything while it has nothing to do."""
    scheduler = taught()
    now = 0.0
    for seconds in [5 * ms, 5 * ms, 14 * ms] * 20:
        add(scheduler, Request(), now=now)
        batch = scheduler.schedule(now).batch or []
        now += seconds
        scheduler.complete(batch, [None], now)
    request = Request(deadline=now + 10 * ms)
    add(scheduler, request, now=now)
    with pytest.raises(Overloaded):
        add(scheduler, Request(deadline=now + 10 * ms), now=now)
    assert scheduler.schedule(now).batch == [request]


@pytest.mark.parametrize(
    ("config", "sizes"),
    [
        (BatchingConfig(32, 0.0, (32,)), [8, 8]),
        (BatchingConfig(6, 0.0, (6,)), [6, 6]),
        (BatchingConfig(32, 0.0, (16, 32)), [16]),
        (BatchingConfig(32, 5 * ms, (32,)), [16]),
    ],
)
def test_idle_instances_share_what_waits_unless_the_config_says_how_large_batches_are(
    config: BatchingConfig, sizes: list[int]
) -> None:
    scheduler: Batcher = DynamicBatcher(config, 100, ["cpu"] * 2)
    for rows in (1, 32):
        scheduler.learn(Request().key, "cpu", rows, ms * rows)
    add(scheduler, *(Request() for _ in range(16)))
    found = [scheduler.schedule(6 * ms, instance).batch or [] for instance in range(2)]
    assert [len(batch) for batch in found if batch] == sizes


def test_quick_is_what_runs_now_and_not_what_came_first() -> None:
    scheduler = batcher(max_batch_size=2, delay=5 * ms)
    scheduler.learn("quick", "cpu", 1, 0.1 * ms)
    scheduler.learn("slow", "cpu", 2, 50 * ms)
    add(scheduler, Request(key="quick"))
    assert not scheduler.is_quick(0.0), "it is held back"
    add(scheduler, Request(key="slow"), Request(key="slow"))
    assert not scheduler.is_quick(0.0)
    assert [request.key for request in scheduler.schedule(0.0, HERE).batch or []] == ["slow", "slow"]
    assert scheduler.is_quick(5 * ms)
    assert [request.key for request in scheduler.schedule(5 * ms, HERE).batch or []] == ["quick"]


def test_what_has_expired_may_hide_what_is_not_quick() -> None:
    scheduler = batcher()
    scheduler.learn("quick", "cpu", 1, 0.1 * ms, 1.0)
    add(scheduler, Request(key="quick", queue_timeout=1 * ms), Request(key="slow"))
    assert scheduler.is_quick(0.0)
    assert not scheduler.is_quick(1 * ms)
