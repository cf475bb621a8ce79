"""Random loads in virtual time: the promises of the dynamic batcher, whatever arrives."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from loadtests.benchmarks.simulated import simulate
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


@given(arrivals, st.integers(1, 16), st.sampled_from([0.0, 2 * ms]), st.integers(1, 3), st.integers(1, 200))
def test_every_promise_holds(
    drawn: list[tuple[float, int, int, float | None]], max_batch: int, delay: float, instances: int, max_queue: int
) -> None:
    timeline = requests(drawn)
    config = BatchingConfig(max_batch, delay, (max_batch,))
    scheduler: DynamicBatcher[Request] = DynamicBatcher(config, max_queue, ["cpu"] * instances)
    for key in range(3):
        for rows in (1, 16):
            scheduler.learn(key, "cpu", rows, service_time([Request(rows)]), 0.0)
    record = simulate(scheduler, timeline, service_time, instances)

    answered = Counter(event.request for _, event in record.events) + Counter(request for request, _ in record.refused)
    assert answered == Counter(request for _, request in timeline), "each is answered exactly once"
    assert len(scheduler) == 0
    for started, batch in record.batches:
        assert len(batch) == 1 or sum(request.rows for request in batch) <= max_batch
        assert len({request.key for request in batch}) == 1
        assert [due(request) for request in batch] == sorted(map(due, batch)), "who is due first is first"
        ends = started + 0.97 * service_time(batch)
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
