import heapq
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from itertools import count, pairwise
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.core.sequence_config import Control, SequenceConfig, State
from serving.errors import Cancelled, DeadlineExceeded, InstanceDied, InvalidInput, Overloaded, SlipwayError
from serving.scheduling.scheduler import Event, Plan
from serving.scheduling.sequence import SequenceBatcher

ms = 1e-3


@dataclass(eq=False)
class Request:
    sequence_id: int | str = 1
    sequence_start: bool = False
    sequence_end: bool = False
    rows: int = 1
    key: Hashable = ()
    deadline: float = inf
    arrived: float = 0.0
    slot: int = -1
    sequence_state: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def expires(self) -> float:
        return self.deadline


Batcher = SequenceBatcher[Request]


def batcher(instances: int = 1, max_queue_size: int = 1000, **changes: Any) -> Batcher:
    settings: dict[str, Any] = {
        "strategy": "direct",
        "slots": 4,
        "max_batch_size": 4,
        "max_queue_delay": 0.0,
        "minimum_slot_utilization": 0.0,
        "preferred_batch_sizes": (4,),
        "max_idle": 1.0,
        "controls": (),
        "states": (),
    }
    return SequenceBatcher(SequenceConfig(**{**settings, **changes}), instances, max_queue_size, "m")


def start(sequence_id: int | str = 1, **fields: Any) -> Request:
    return Request(sequence_id, sequence_start=True, **fields)


def end(sequence_id: int | str = 1, **fields: Any) -> Request:
    return Request(sequence_id, sequence_end=True, **fields)


def only(sequence_id: int | str = 1, **fields: Any) -> Request:
    return Request(sequence_id, sequence_start=True, sequence_end=True, **fields)


def add(scheduler: Batcher, *requests: Request, now: float = 0.0) -> None:
    for request in requests:
        scheduler.add(request, now)


def run(scheduler: Batcher, now: float = 0.0, instance: int = 0) -> list[Request]:
    """What the instance runs next, at once and to its end."""
    batch = scheduler.schedule(now, instance).batch or []
    scheduler.complete(batch, [None] * len(batch))
    return batch


def told(events: list[Event[Request]]) -> list[tuple[Request, type[Exception]]]:
    return [(event.request, type(event.error)) for event in events if event.error is not None]


# --- which requests are accepted


def test_a_request_of_no_sequence_is_refused() -> None:
    with pytest.raises(InvalidInput, match="inference request to model 'm' must specify a non-zero or non-empty corr"):
        add(batcher(), start(0))


def test_a_sequence_begins_with_start() -> None:
    scheduler = batcher()
    with pytest.raises(InvalidInput, match="request for sequence 42 to model 'm' must specify the START flag on the"):
        add(scheduler, Request(42))
    assert len(scheduler) == 0


def test_an_id_is_a_number_or_a_text_and_never_both() -> None:
    scheduler = batcher()
    add(scheduler, start(42))
    with pytest.raises(InvalidInput, match="START flag"):
        add(scheduler, Request("42"))


def test_several_rows_are_refused() -> None:
    with pytest.raises(InvalidInput, match="must specify batch-size 1"):
        add(batcher(), start(rows=2))


def test_an_id_that_the_corrid_control_cannot_hold_is_refused() -> None:
    scheduler = batcher(controls=(Control("CORRID", "CORRID", "UINT64"),))
    with pytest.raises(InvalidInput, match="'CORRID' data-type is 'BYTES', but model 'm' expects 'UINT64'"):
        add(scheduler, start("a"))


def test_a_full_queue_refuses_and_keeps_what_it_has() -> None:
    scheduler, first = batcher(max_queue_size=1), start()
    add(scheduler, first)
    with pytest.raises(Overloaded, match="Exceeds maximum queue size: 1 requests"):
        add(scheduler, start(2))
    assert run(scheduler) == [first]
    with pytest.raises(InvalidInput, match="START flag"):
        add(scheduler, Request(2))


# --- order and places


def test_requests_of_a_sequence_run_one_at_a_time_in_order() -> None:
    scheduler, requests = batcher(), [start(), Request(), end()]
    add(scheduler, *requests)
    assert [run(scheduler) for _ in range(4)] == [[requests[0]], [requests[1]], [requests[2]], []]


def test_a_sequence_does_not_run_while_its_last_request_does() -> None:
    scheduler, first, second = batcher(), start(), Request()
    add(scheduler, first, second)
    batch = scheduler.schedule(0.0).batch or []
    assert scheduler.schedule(0.0).batch is None
    scheduler.complete(batch, [None])
    assert scheduler.schedule(0.0).batch == [second]


def test_several_sequences_run_together_each_in_its_slot() -> None:
    scheduler, requests = batcher(), [start(number) for number in (1, 2, 3)]
    add(scheduler, *requests)
    assert run(scheduler) == requests
    assert [request.slot for request in requests] == [0, 1, 2]
    later = [Request(3), Request(1)]
    add(scheduler, *later)
    assert [(request.sequence_id, request.slot) for request in run(scheduler)] == [(1, 0), (3, 2)]


def test_a_sequence_stays_on_the_instance_with_most_free_slots_at_its_start() -> None:
    scheduler = batcher(instances=2)
    add(scheduler, start(1), start(2), start(3))
    assert [request.sequence_id for request in run(scheduler, instance=0)] == [1, 3]
    assert [request.sequence_id for request in run(scheduler, instance=1)] == [2]
    add(scheduler, Request(2))
    assert run(scheduler, instance=0) == []
    assert len(run(scheduler, instance=1)) == 1


def test_other_shapes_wait_for_a_batch_of_their_own() -> None:
    scheduler = batcher()
    a1, b, a2 = start(1, key="a"), start(2, key="b"), start(3, key="a")
    add(scheduler, a1, now=0.0)
    add(scheduler, b, now=1 * ms)
    add(scheduler, a2, now=2 * ms)
    assert [run(scheduler), run(scheduler)] == [[a1, a2], [b]]


def test_sequences_whose_states_differ_in_size_do_not_run_together() -> None:
    scheduler = batcher(states=(State("PAST", "PRESENT", "FP32", (-1,), (1,)),))
    old, new = start(1), start(2)
    add(scheduler, old)
    run(scheduler)
    old.sequence_state["PAST"] = np.zeros((1, 7), np.float32)
    add(scheduler, Request(1), new)
    assert [len(run(scheduler)), len(run(scheduler))] == [1, 1]


def test_requests_share_their_sequences_state_until_the_next_start() -> None:
    scheduler, requests = batcher(), [start(), Request(), start(), Request(), start(2)]
    add(scheduler, *requests)
    first, second, third, fourth, other = (request.sequence_state for request in requests)
    assert first is second
    assert third is fourth
    assert len({id(state) for state in (first, third, other)}) == 3


# --- slots and the backlog


def test_a_sequence_without_a_slot_waits_for_the_first_that_ends() -> None:
    scheduler = batcher(slots=1, max_batch_size=1)
    first, last, backlogged, third = start(1), end(1), only(2), only(3)
    add(scheduler, first, backlogged, third)
    assert run(scheduler) == [first]
    assert run(scheduler) == []
    add(scheduler, last)
    assert [run(scheduler) for _ in range(3)] == [[last], [backlogged], [third]]
    assert repr(scheduler) == "<SequenceBatcher 0 waiting, 0 sequences in slots, 0 in the backlog>"


def test_the_backlog_counts_as_waiting() -> None:
    scheduler = batcher(slots=1)
    add(scheduler, start(1), start(2), Request(2))
    assert len(scheduler) == 3
    assert repr(scheduler) == "<SequenceBatcher 3 waiting, 1 sequences in slots, 1 in the backlog>"


def test_start_within_a_sequence_keeps_its_slot() -> None:
    scheduler, again = batcher(slots=1), start(1)
    add(scheduler, start(1), start(2), Request(1), again)
    assert [run(scheduler)[0].sequence_id for _ in range(3)] == [1, 1, 1]
    assert again.slot == 0
    assert run(scheduler) == []


def test_after_end_the_id_needs_start_and_queues_behind_its_old_sequence_and_the_backlog() -> None:
    scheduler = batcher(slots=1)
    requests = [only(1), only(2), only(1)]
    add(scheduler, requests[0])
    with pytest.raises(InvalidInput, match="START flag"):
        add(scheduler, Request(1))
    add(scheduler, *requests[1:])
    assert [run(scheduler) for _ in range(4)] == [[requests[0]], [requests[1]], [requests[2]], []]


def test_a_sequence_started_behind_its_old_one_keeps_a_slot_that_nobody_waits_for() -> None:
    """On the instance that ran the old one, since nothing wakes the others."""
    scheduler, anew = batcher(instances=2), only(3)
    add(scheduler, start(1), only(2), only(3), anew)
    run(scheduler, instance=1)
    run(scheduler, instance=0)
    assert scheduler.schedule(0.0, 0).batch == [anew]


def test_a_request_that_failed_does_not_end_its_sequence() -> None:
    scheduler, failure = batcher(), ValueError("no")
    add(scheduler, start())
    [event] = scheduler.complete(scheduler.schedule(0.0).batch or [], [failure])
    assert event.error is failure
    add(scheduler, Request())
    assert len(run(scheduler)) == 1


def test_a_failed_end_frees_the_slot() -> None:
    scheduler = batcher(slots=1)
    add(scheduler, only(1), only(2))
    scheduler.complete(scheduler.schedule(0.0).batch or [], [ValueError("no")])
    assert run(scheduler)[0].sequence_id == 2


def test_a_sequence_that_idles_too_long_makes_room_and_needs_start() -> None:
    scheduler, backlogged = batcher(slots=1, max_idle=1.0), start(2)
    add(scheduler, start(1), backlogged)
    run(scheduler, now=5.0)
    waiting = scheduler.schedule(5.5)
    assert (waiting.batch, waiting.wake_at) == (None, 6.5)
    assert scheduler.schedule(6.5).batch == [backlogged]
    with pytest.raises(InvalidInput, match="START flag"):
        add(scheduler, Request(1), now=6.5)


def test_nobody_is_woken_for_an_idle_sequence_that_is_in_no_ones_way() -> None:
    scheduler = batcher()
    add(scheduler, start())
    run(scheduler)
    assert scheduler.schedule(0.0).wake_at is None


def test_idle_sequences_are_forgotten_even_when_nobody_needs_their_slots() -> None:
    scheduler = batcher(max_idle=1.0)
    add(scheduler, start())
    run(scheduler)
    scheduler.schedule(0.0)
    with pytest.raises(InvalidInput, match="START flag"):
        add(scheduler, Request(), now=1.0)


def test_activity_begins_the_idle_time_anew() -> None:
    scheduler = batcher(max_idle=1.0)
    add(scheduler, start())
    for now in (0.0, 0.9, 1.8, 2.7):
        run(scheduler, now)
        scheduler.schedule(now)
        add(scheduler, Request(), now=now + 0.5)
    assert len(run(scheduler, 3.2)) == 1


def test_a_sequence_that_runs_or_waits_is_not_idle() -> None:
    scheduler = batcher(max_idle=1.0)
    add(scheduler, start())
    batch = scheduler.schedule(0.0).batch or []
    scheduler.schedule(100.0)
    add(scheduler, Request(), now=100.0)
    scheduler.complete(batch, [None])
    assert len(run(scheduler, 200.0)) == 1


# --- how long requests are held back


def test_direct_runs_at_once_without_a_minimum_utilization_whatever_the_delay() -> None:
    scheduler = batcher(max_queue_delay=5 * ms)
    add(scheduler, start())
    assert len(run(scheduler)) == 1


def test_direct_waits_for_enough_slots_or_the_delay() -> None:
    scheduler = batcher(max_queue_delay=5 * ms, minimum_slot_utilization=0.5)
    add(scheduler, start(1))
    waiting = scheduler.schedule(4 * ms)
    assert (waiting.batch, waiting.wake_at) == (None, 5 * ms)
    add(scheduler, start(2), now=4 * ms)
    assert len(run(scheduler, 4 * ms)) == 2
    add(scheduler, Request(1), now=10 * ms)
    assert len(run(scheduler, 15 * ms)) == 1


def test_a_utilization_that_floats_cannot_hold_is_reached_all_the_same() -> None:
    scheduler = batcher(slots=10, max_queue_delay=1.0, minimum_slot_utilization=float(np.float32(0.1)))
    add(scheduler, start())
    assert len(run(scheduler)) == 1


def oldest(**changes: Any) -> Batcher:
    return batcher(strategy="oldest", slots=100, **changes)


def test_oldest_takes_the_oldest_requests_first_up_to_a_whole_batch() -> None:
    scheduler, requests = oldest(), [start(number) for number in range(1, 7)]
    for number, request in enumerate(requests):
        add(scheduler, request, now=number * ms)
    add(scheduler, Request(1), now=9 * ms)
    assert run(scheduler, 9 * ms) == requests[:4]
    assert [request.sequence_id for request in run(scheduler, 9 * ms)] == [5, 6, 1]


def test_oldest_waits_for_a_preferred_size_or_the_delay() -> None:
    scheduler = oldest(preferred_batch_sizes=(2,), max_queue_delay=5 * ms)
    add(scheduler, start(1))
    waiting = scheduler.schedule(1 * ms)
    assert (waiting.batch, waiting.wake_at) == (None, 5 * ms)
    add(scheduler, start(2), start(3), now=2 * ms)
    assert [request.sequence_id for request in run(scheduler, 2 * ms)] == [1, 2]
    assert run(scheduler, 2 * ms) == []
    assert [request.sequence_id for request in run(scheduler, 7 * ms)] == [3]


def test_a_whole_batch_does_not_wait_though_a_smaller_one_is_preferred() -> None:
    scheduler = oldest(preferred_batch_sizes=(3,), max_queue_delay=5 * ms)
    add(scheduler, *(start(number) for number in range(1, 6)))
    assert [len(run(scheduler)), len(run(scheduler))] == [4, 0]


def test_oldest_does_not_wait_for_more_sequences_than_there_can_be() -> None:
    scheduler = batcher(strategy="oldest", slots=2, max_queue_delay=5 * ms)
    add(scheduler, start(1), start(2))
    assert len(run(scheduler)) == 2


def test_closing_holds_nothing_back() -> None:
    for scheduler in (oldest(max_queue_delay=10.0), batcher(max_queue_delay=10.0, minimum_slot_utilization=1.0)):
        add(scheduler, start())
        assert scheduler.schedule(0.0).batch is None
        scheduler.close()
        assert scheduler.schedule(0.0).batch is not None


# --- dropped requests


def test_an_expired_request_breaks_its_sequence_and_frees_the_slot() -> None:
    scheduler, late, follower, other = batcher(slots=1), start(1, deadline=1.0), Request(1), start(2)
    add(scheduler, late, follower, other)
    plan = scheduler.schedule(1.0)
    assert told(plan.events) == [(late, DeadlineExceeded), (follower, DeadlineExceeded)]
    assert [str(event.error) for event in plan.events] == [
        "Request timeout expired",
        "timeout of the corresponding sequence has been expired: "
        "a request of sequence 1 before this one was dropped, start it anew",
    ]
    assert plan.batch == [other]
    with pytest.raises(InvalidInput, match="START flag"):
        add(scheduler, Request(1), now=1.0)


def test_a_request_that_expires_in_the_backlog_is_told_so_in_tritons_words() -> None:
    scheduler, late = batcher(slots=1), start(2, deadline=1.0)
    add(scheduler, start(1), late)
    run(scheduler)
    assert scheduler.schedule(0.0).wake_at == 1.0
    [event] = scheduler.schedule(1.0).events
    assert (event.request, str(event.error)) == (late, "timeout of the corresponding sequence has been expired")
    assert len(scheduler) == 0


def test_an_idle_instance_is_woken_for_the_deadline_of_what_waits_for_a_busy_one() -> None:
    scheduler = batcher(instances=2)
    add(scheduler, start(1), Request(1, deadline=3.0))
    scheduler.schedule(0.0, 0)
    assert scheduler.schedule(0.0, 1).wake_at == 3.0


def test_cancelling_tells_the_rest_of_the_sequence_with_the_next_plan() -> None:
    scheduler, gone, follower, other = batcher(slots=1), start(1), Request(1), start(2)
    add(scheduler, gone, follower, other)
    scheduler.cancel(gone)
    plan = scheduler.schedule(0.0)
    assert told(plan.events) == [(follower, Cancelled)]
    assert "a request of sequence 1 before this one was cancelled, start it anew" in str(plan.events[0].error)
    assert plan.batch == [other]
    assert scheduler.schedule(0.0).events == []


def test_what_came_before_a_dropped_request_still_runs_and_then_the_slot_is_free() -> None:
    scheduler, first, second, gone, other = batcher(slots=1), start(1), Request(1), Request(1), start(2)
    add(scheduler, first, second, gone, other)
    scheduler.cancel(gone)
    with pytest.raises(InvalidInput, match="START flag"):
        add(scheduler, Request(1))
    assert [run(scheduler) for _ in range(3)] == [[first], [second], [other]]


def test_a_sequence_that_breaks_while_it_runs_frees_its_slot_when_it_has_run() -> None:
    scheduler, gone, other = batcher(slots=1), Request(1), start(2)
    add(scheduler, start(1), gone, other)
    batch = scheduler.schedule(0.0).batch or []
    scheduler.cancel(gone)
    assert scheduler.schedule(0.0).batch is None
    scheduler.complete(batch, [None])
    assert scheduler.schedule(0.0).batch == [other]


def test_a_sequence_started_anew_outlives_the_broken_one() -> None:
    scheduler, gone, follower, anew, rest = batcher(), start(1), Request(1), start(1), Request(1)
    add(scheduler, gone, follower, anew, rest)
    scheduler.cancel(gone)
    plan = scheduler.schedule(0.0)
    assert told(plan.events) == [(follower, Cancelled)]
    assert plan.batch == [anew]
    scheduler.complete([anew], [None])
    assert run(scheduler) == [rest]


def test_a_sequence_that_is_dropped_in_the_backlog_leaves_no_trace() -> None:
    scheduler, gone = batcher(slots=1), start(2)
    add(scheduler, only(1), gone)
    scheduler.cancel(gone)
    assert len(run(scheduler)) == 1
    assert repr(scheduler) == "<SequenceBatcher 0 waiting, 0 sequences in slots, 0 in the backlog>"


def test_cancelling_what_already_runs_changes_nothing() -> None:
    scheduler, request = batcher(), start()
    add(scheduler, request)
    batch = scheduler.schedule(0.0).batch or []
    scheduler.cancel(request)
    assert [event.value for event in scheduler.complete(batch, ["answer"])] == ["answer"]
    add(scheduler, Request())
    assert len(run(scheduler)) == 1


def test_deadlines_of_requests_that_left_do_not_pile_up() -> None:
    scheduler = batcher()
    for _ in range(1000):
        add(scheduler, only(deadline=3600.0))
        run(scheduler)
    assert len(scheduler._deadlines) < 100


# --- every promise, in virtual time


@dataclass
class Simulation:
    """Idle instances sleep and are woken exactly as `WorkerPool`'s threads are."""

    scheduler: Batcher
    instances: int
    now: float = 0.0
    agenda: list[tuple[float, int, str, Any]] = field(default_factory=list)
    sleeping: dict[int, float | None] = field(default_factory=dict)
    """Idle instances, and when they wake unless they are told to before."""
    batches: list[tuple[int, float, float, list[Request]]] = field(default_factory=list)
    """(instance, from, until, what ran)"""
    answered: Counter[Request] = field(default_factory=Counter)
    dropped: set[Request] = field(default_factory=set)
    order: Iterator[int] = field(default_factory=count)

    def run(self, arrivals: list[tuple[float, Request]], cancellations: list[tuple[float, Request]]) -> None:
        for at, request in arrivals:
            self.plan(at, "add", request)
        for at, request in cancellations:
            self.plan(at, "cancel", request)
        self.sleeping = dict.fromkeys(range(self.instances))
        while self.agenda:
            self.now, _, what, subject = heapq.heappop(self.agenda)
            match what:
                case "add":
                    self.add(subject)
                case "cancel":
                    self.cancel(subject)
                case "wake":
                    if self.sleeping.get(subject) == self.now:
                        self.ask({subject})
                case _:
                    instance, batch = subject
                    self.tell(self.scheduler.complete(batch, [None] * len(batch)))
                    self.ask({instance})

    def plan(self, at: float, what: str, subject: Any) -> None:
        heapq.heappush(self.agenda, (at, next(self.order), what, subject))

    def add(self, request: Request) -> None:
        try:
            self.scheduler.add(request, self.now)
        except SlipwayError:
            self.answered[request] += 1
            self.dropped.add(request)
        self.ask(set(self.sleeping))

    def cancel(self, request: Request) -> None:
        before = len(self.scheduler)
        self.scheduler.cancel(request)
        if len(self.scheduler) < before:
            self.answered[request] += 1
            self.dropped.add(request)
        self.ask(set(self.sleeping))

    def tell(self, events: list[Event[Request]]) -> None:
        self.answered.update(event.request for event in events)
        self.dropped.update(event.request for event in events if event.error is not None)

    def ask(self, awake: set[int]) -> None:
        while awake:
            instance = awake.pop()
            self.sleeping.pop(instance, None)
            plan = self.scheduler.schedule(self.now, instance)
            self.tell(plan.events)
            if plan.batch or plan.events:
                awake |= self.sleeping.keys()
            if plan.batch:
                until = self.now + 1 * ms + 0.1 * ms * len(plan.batch)
                self.batches.append((instance, self.now, until, plan.batch))
                self.plan(until, "done", (instance, plan.batch))
            elif plan.events:
                awake.add(instance)
            else:
                self.sleeping[instance] = plan.wake_at
                if plan.wake_at is not None:
                    assert plan.wake_at > self.now, "an instance that is woken for nothing would spin"
                    self.plan(plan.wake_at, "wake", instance)


steps = st.tuples(
    st.floats(0, 3 * ms),  # since the step before
    st.integers(1, 6),  # sequence
    st.sampled_from(["start", "go on", "go on", "go on", "end", "only"]),
    st.integers(0, 1),  # key
    st.one_of(st.none(), st.none(), st.floats(0.1 * ms, 20 * ms)),  # timeout
    st.one_of(st.none(), st.none(), st.none(), st.floats(0, 5 * ms)),  # cancelled after
)


@given(
    st.lists(steps, max_size=100),
    st.sampled_from(["direct", "oldest"]),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from([0.0, 2 * ms]),
    st.sampled_from([4 * ms, 1.0]),
    st.integers(1, 60),
)
def test_every_promise_holds(
    drawn: list[tuple[float, int, str, int, float | None, float | None]],
    strategy: str,
    slots: int,
    instances: int,
    delay: float,
    max_idle: float,
    max_queue: int,
) -> None:
    now, arrivals, cancellations = 0.0, [], []
    for gap, sequence, what, key, timeout, cancelled in drawn:
        now += gap
        request = Request(sequence, what in ("start", "only"), what in ("end", "only"), key=key)
        request.deadline = inf if timeout is None else now + timeout
        arrivals.append((now, request))
        if cancelled is not None:
            cancellations.append((now + cancelled, request))
    scheduler = batcher(
        instances,
        max_queue,
        strategy=strategy,
        slots=slots,
        max_batch_size=slots,
        max_queue_delay=delay,
        minimum_slot_utilization=1.0,
        preferred_batch_sizes=(slots,),
        max_idle=max_idle,
    )
    record = Simulation(scheduler, instances)
    record.run(arrivals, cancellations)
    requests = [request for _, request in arrivals]
    ran = [request for _, _, _, batch in record.batches for request in batch]

    assert record.answered == Counter(requests), "each is answered exactly once"
    assert Counter(ran) == Counter(set(requests) - record.dropped), "and runs exactly once unless it was dropped"
    busy: dict[int, float] = defaultdict(float)
    for instance, since, until, batch in record.batches:
        assert len({request.sequence_id for request in batch}) == len(batch) <= slots
        assert len({request.slot for request in batch}) == len(batch)
        assert all(0 <= request.slot < slots for request in batch)
        assert len({request.key for request in batch}) == 1
        assert all(request.deadline > since for request in batch)
        assert busy[instance] <= since
        busy[instance] = until
    check_sequences(requests, record)
    check_nothing_is_left(scheduler, record)


def check_sequences(requests: list[Request], record: Simulation) -> None:
    """In order, never two at once, and from START to END at one place with one state."""
    where = {id(request): (instance, since, until) for instance, since, until, b in record.batches for request in b}
    for sequence_id in {request.sequence_id for request in requests}:
        ran = [request for request in requests if request.sequence_id == sequence_id and id(request) in where]
        for before, after in pairwise(ran):
            assert where[id(before)][2] <= where[id(after)][1]
            if not after.sequence_start:
                assert not before.sequence_end
                assert (where[id(before)][0], before.slot) == (where[id(after)][0], after.slot)
                assert before.sequence_state is after.sequence_state
                between = requests[requests.index(before) + 1 : requests.index(after)]
                gap = [each for each in between if each.sequence_id == sequence_id]
                assert all(each in record.dropped for each in gap)
        assert not ran or ran[0].sequence_start


def check_nothing_is_left(scheduler: Batcher, record: Simulation) -> None:
    record.now += 10.0
    assert scheduler.schedule(record.now).events == []
    scheduler.schedule(record.now + 10.0)
    assert len(scheduler) == 0
    assert repr(scheduler) == "<SequenceBatcher 0 waiting, 0 sequences in slots, 0 in the backlog>"
    assert all(instance.free == instance.slots for instance in scheduler._instances)


def test_many_long_sequences_all_run_to_their_end() -> None:
    """Interleaved without drops: 60 sequences of 5 requests on 2 instances with 8 slots in all."""
    arrivals = []
    for turn in range(5):
        for sequence in range(1, 61):
            at = (turn * 60 + sequence) * 0.01 * ms
            arrivals.append((at, Request(sequence, turn == 0, turn == 4)))
    for scheduler in (batcher(2), batcher(2, strategy="oldest")):
        record = Simulation(scheduler, 2)
        record.run(arrivals, [])
        assert not record.dropped
        check_sequences([request for _, request in arrivals], record)
        check_nothing_is_left(scheduler, record)


# --- an instance forgets what it knew


LOST = InstanceDied("it crashed", lost_sequences=True)


def die(scheduler: Batcher, instance: int = 0, error: Exception = LOST) -> Plan[Request]:
    """What runs next on the instance costs its process; what is to be done then."""
    batch = scheduler.schedule(0.0, instance).batch or []
    scheduler.complete(batch, [error] * len(batch))
    return scheduler.schedule(0.0, instance)


def test_all_sequences_of_an_instance_that_forgot_them_must_start_anew() -> None:
    scheduler = batcher()
    add(scheduler, start(1), start(2))
    run(scheduler)
    add(scheduler, Request(1))
    assert die(scheduler) == Plan(), "nobody else waits"
    for sequence_id in (1, 2):
        with pytest.raises(InvalidInput, match="must specify the START flag"):
            add(scheduler, Request(sequence_id))
    add(scheduler, start(1), start(2))
    assert len(run(scheduler)) == 2


def test_those_that_wait_are_told_and_those_that_begin_anew_run() -> None:
    scheduler = batcher()
    add(scheduler, start(1), start(2), start(3))
    run(scheduler)
    runs = [Request(1), Request(2), Request(3)]
    followers, anew, later = [Request(1), end(1)], start(3), Request(3)
    add(scheduler, *runs, *followers, anew, later)
    plan = die(scheduler)
    assert told(plan.events) == [(follower, InstanceDied) for follower in followers]
    assert plan.batch == [anew]
    scheduler.complete([anew], [None])
    assert run(scheduler) == [later]
    check_nothing_waits(scheduler, free=4)


def test_sequences_on_other_instances_and_those_whose_state_is_kept_go_on() -> None:
    scheduler = batcher(instances=2)
    add(scheduler, start(1), start(2))
    assert len(run(scheduler, instance=0)) == len(run(scheduler, instance=1)) == 1
    add(scheduler, Request(1))
    assert die(scheduler, error=InstanceDied("it crashed")) == Plan()
    add(scheduler, Request(1))
    die(scheduler)
    add(scheduler, Request(2))
    assert len(run(scheduler, instance=1)) == 1


def check_nothing_waits(scheduler: Batcher, free: int) -> None:
    for now in (10.0, 20.0):
        scheduler.schedule(now)
    assert len(scheduler) == 0
    assert [instance.free for instance in scheduler._instances] == [free]
