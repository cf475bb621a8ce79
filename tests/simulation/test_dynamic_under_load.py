"""Random loads in virtual time: the promises of the dynamic batcher, whatever arrives."""

from collections import Counter
from collections.abc import Collection
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from loadtests.benchmarks.simulated import Record, simulate
from serving.core.batching_config import BatchingConfig
from serving.errors import DeadlineExceeded
from serving.scheduling.dynamic import DynamicBatcher
from tests.serving.scheduling.requests import Request

ms = 1e-3
gaps = st.floats(0, 5 * ms)
arrivals = st.lists(
    st.tuples(gaps, st.integers(1, 8), st.integers(0, 2), st.one_of(st.none(), st.floats(0.1 * ms, 20 * ms))),
    max_size=120,
)


def requests(drawn: list[tuple[float, int, int, float | None]]) -> list[tuple[float, Request]]:
    now, timeline = 0.0, []
    for gap, rows, key, timeout in drawn:
        now += gap
        request = Request(rows, key) if timeout is None else Request(rows, key, now + timeout)
        timeline.append((now, request))
    return timeline


def service_time(batch: list[Request]) -> float:
    return 1 * ms + 0.1 * ms * sum(request.rows for request in batch)


def due(request: Request) -> float:
    return min(request.deadline, request.arrived + 1)


def run(
    timeline: list[tuple[float, Request]],
    max_batch: int,
    delay: float,
    instances: int,
    max_queue: int,
    pace: float = 1.0,
    lone: Collection[Request] = (),
) -> Record:
    """Every promise is looked at that holds whatever comes. Batches take `pace` times as long as usual."""
    takes = lambda batch: pace * service_time(batch)  # noqa: E731
    config = BatchingConfig(max_batch, delay, (max_batch,))
    scheduler: DynamicBatcher[Request] = DynamicBatcher(config, max_queue, ["cpu"] * instances)
    for key in range(3):
        for rows in (1, 16):
            scheduler.learn(key, "cpu", rows, takes([Request(rows)]), 0.0)
    record = simulate(scheduler, timeline, takes, instances, lone=lone)

    answered = Counter(event.request for _, event in record.events) + Counter(request for request, _ in record.refused)
    assert answered == Counter(request for _, request in timeline), "each is answered exactly once"
    assert len(scheduler) == 0
    for started, batch in record.batches:
        assert len(batch) == 1 or sum(request.rows for request in batch) <= max_batch
        assert len({request.key for request in batch}) == 1
        assert [due(request) for request in batch] == sorted(map(due, batch)), "who is due first is first"
        ends = started + 0.97 * takes(batch)
        assert all(request.deadline > ends for request in batch), "nothing is run that would be late"
    ran = {id(request) for _, batch in record.batches for request in batch}
    for _, event in record.events:
        assert isinstance(event.error, DeadlineExceeded) == (id(event.request) not in ran)
    for since, until, waiting in record.idle_waits:
        assert until - since <= delay + 1e-9, "no instance idles for longer than the delay that was asked for"
        rows = Counter(key for request in waiting for key in [request.key] * request.rows)
        assert all(count < max_batch for count in rows.values()), "no instance idles while a whole batch waits"
    if delay == 0.0:
        assert not record.idle_waits
    return record


@given(arrivals, st.integers(1, 16), st.sampled_from([0.0, 2 * ms]), st.integers(1, 3), st.integers(1, 200))
def test_every_promise_holds(
    drawn: list[tuple[float, int, int, float | None]], max_batch: int, delay: float, instances: int, max_queue: int
) -> None:
    record = run(requests(drawn), max_batch, delay, instances, max_queue)
    assert not record.alone


@given(
    arrivals,
    st.integers(1, 16),
    st.sampled_from([0.0, 0.0, 2 * ms]),
    st.integers(1, 3),
    st.sampled_from([0.02, 0.1, 0.2, 1.0]),
    st.randoms(use_true_random=False),
)
def test_every_promise_holds_where_some_may_begin_alone(
    drawn: list[tuple[float, int, int, float | None]],
    max_batch: int,
    delay: float,
    instances: int,
    pace: float,
    chance: Random,
) -> None:
    timeline = requests(drawn)
    lone = {request for _, request in timeline if chance.random() < 0.7}
    record = run(timeline, max_batch, delay, instances, 200, pace, lone)
    began = {id(request) for request in record.alone}
    for (started, batch), waiting in zip(record.batches, record.left_waiting, strict=True):
        if any(id(request) in began for request in batch):
            [request] = batch
            assert request in lone
            assert request.arrived == started
            assert request.deadline > started, "what is too late is not begun"
            assert not waiting, "nobody is overtaken"
            assert delay == 0.0, "none is waited for"


def test_under_a_light_load_of_quick_requests_most_begin_alone_and_of_slow_ones_none() -> None:
    timeline = requests([(1 * ms, 1, 0, None)] * 100)
    lone = [request for _, request in timeline]
    assert len(run(timeline, 8, 0.0, 1, 200, pace=0.05, lone=lone).alone) == 100
    assert len(run(timeline, 8, 0.0, 1, 200, pace=5.0, lone=lone).alone) == 0
