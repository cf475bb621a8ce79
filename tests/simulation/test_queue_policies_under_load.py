"""Random loads in virtual time with preferred sizes, priorities, REJECT and DELAY, callers who leave, and order."""

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from loadtests.benchmarks.simulated import Record, simulate
from serving.core.batching_config import BatchingConfig, QueuePolicy
from serving.errors import DeadlineExceeded
from serving.scheduling.arrival_order import ArrivalOrder
from serving.scheduling.dynamic import DynamicBatcher
from tests.serving.scheduling.requests import Request

ms = 1e-3


@dataclass(frozen=True)
class Load:
    """When each request comes, and when those callers leave who do."""

    arrivals: list[tuple[float, Request]]
    cancels: list[tuple[float, Request]]


@st.composite
def loads(draw: st.DrawFn) -> Load:
    now, arrivals, cancels = 0.0, [], []
    for _ in range(draw(st.integers(0, 60))):
        now += draw(st.sampled_from([0.0, 0.2 * ms, 1 * ms, 4 * ms]))
        timeout = draw(st.sampled_from([None, None, 1 * ms, 6 * ms]))
        request = Request(draw(st.integers(1, 4)), draw(st.integers(0, 1)), priority=draw(st.integers(0, 4)))
        if timeout is not None:
            request.deadline = now + timeout
        arrivals.append((now, request))
        patience = draw(st.sampled_from([None, None, None, 0.5 * ms, 3 * ms]))
        if patience is not None:
            cancels.append((now + patience, request))
    return Load(arrivals, cancels)


policies = st.lists(
    st.builds(QueuePolicy, st.sampled_from([0, 3]), st.just(0.0), st.booleans()), min_size=1, max_size=3
)
sizes = st.sets(st.integers(1, 8), min_size=1, max_size=3)


def service_time(batch: list[Request]) -> float:
    return 1 * ms + 0.1 * ms * sum(request.rows for request in batch)


def run(config: BatchingConfig, load: Load, instances: int) -> Record:
    scheduler: DynamicBatcher[Request] = DynamicBatcher(config, 20, ["cpu"] * instances)
    record = simulate(scheduler, load.arrivals, service_time, instances, load.cancels)
    assert len(scheduler) == 0
    return record


def outcomes(record: Record) -> Counter[Request]:
    return Counter(event.request for _, event in record.events) + Counter(request for request, _ in record.refused)


@given(loads(), policies, sizes, st.sampled_from([0.0, 2 * ms]), st.integers(1, 3))
def test_every_promise_holds(
    load: Load, levels: list[QueuePolicy], preferred: set[int], delay: float, instances: int
) -> None:
    config = BatchingConfig(8, delay, tuple(sorted(preferred)), tuple(levels), default_level=len(levels) - 1)
    record = run(config, load, instances)
    left = {request: at for at, request in record.cancelled}
    ran = {id(request) for _, batch in record.batches for request in batch}
    answered = outcomes(record)

    for _, request in load.arrivals:
        assert answered[request] == 1 or (request in left and answered[request] == 0), "each is answered exactly once"
        assert answered[request] == 1 or id(request) not in ran, "what ran is answered"
    for _, event in record.events:
        if isinstance(event.error, DeadlineExceeded):
            assert not levels[config.level(event.request.priority)].delays, "DELAY drops nothing"
            assert id(event.request) not in ran
    for (started, batch), waiting in zip(record.batches, record.left_waiting, strict=True):
        assert len({request.key for request in batch}) == 1
        assert len(batch) == 1 or sum(request.rows for request in batch) <= config.max_batch_size
        ranks = [(config.level(request.priority), request.deadline <= started) for request in batch]
        assert ranks == sorted(ranks), "by priority, and those that are delayed behind those in time"
        assert all(levels[level].delays for level, is_late in ranks if is_late), "REJECT runs nothing late"
        behind = [
            (config.level(request.priority), request.deadline <= started)
            for request in waiting
            if request.key == batch[0].key
        ]
        assert all(ranks[-1] <= rank for rank in behind), "who stays is of a lower rank, or came later"
    for since, until, waiting in record.idle_waits:
        assert until - since <= delay + 1e-9, "no instance idles for longer than the delay that was asked for"
        rows = Counter(key for request in waiting for key in [request.key] * request.rows)
        assert all(count < max(preferred) for count in rows.values()), "nor while a batch of a preferred size waits"
    if delay == 0.0:
        assert not record.idle_waits


@given(loads(), sizes, st.sampled_from([0.0, 2 * ms]), st.integers(1, 3))
def test_with_preserve_ordering_callers_are_told_once_and_as_they_came(
    load: Load, preferred: set[int], delay: float, instances: int
) -> None:
    record = run(BatchingConfig(8, delay, tuple(sorted(preferred))), load, instances)
    refused = {id(request) for request, _ in record.refused}
    accepted = [request for _, request in load.arrivals if id(request) not in refused]
    order: ArrivalOrder[Request] = ArrivalOrder()
    told: list[Request] = []
    told_at: dict[Request, float] = {}
    left: dict[Request, float] = {}

    # The three kinds of things that happen, at equal times in the order in which a server hears of them.
    happened = [(at, 0, request) for at, request in load.arrivals if id(request) not in refused]
    happened += [(at, 1, request) for at, request in record.cancelled if id(request) not in refused]
    happened += [(at, 2, event) for at, event in record.events]
    for at, kind, what in sorted(happened, key=lambda entry: entry[:2]):
        events = []
        if kind == 0:
            order.accept(what)
        elif kind == 1:
            if what not in told_at:
                left[what] = at
            events = order.forget(what)
        else:
            events = order.release([what])
        told += [event.request for event in events]
        told_at.update((event.request, at) for event in events)

    assert told == [request for request in accepted if request not in left], "once each, as they came"
    assert len(order) == 0
    known = {event.request: at for at, event in record.events}
    for number, request in enumerate(told):
        waits_for = [known[other] for other in told[: number + 1]]
        gone = [left[other] for other in accepted[: accepted.index(request)] if other in left]
        assert told_at[request] <= max([*waits_for, *gone]), "nobody waits longer than for those before him"
