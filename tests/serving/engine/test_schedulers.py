import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from serving.core.model_config import parse
from serving.core.requests import NO_PARAMETERS, Arrays
from serving.engine.known_times import KnownTimes
from serving.engine.pending import Pending
from serving.engine.schedulers import DEFAULT_MAX_QUEUE_SIZE, queue_limit, scheduler_for, threads_for
from serving.errors import Overloaded
from serving.scheduling.dynamic import DynamicBatcher
from serving.scheduling.sequence import SequenceBatcher


def test_sequences_have_their_own_scheduler() -> None:
    assert isinstance(scheduler_for(parse("max_batch_size: 2 sequence_batching { }", "m"), ["cpu"]), SequenceBatcher)
    assert isinstance(scheduler_for(parse("max_batch_size: 2 dynamic_batching { }", "m"), ["cpu"]), DynamicBatcher)
    assert isinstance(scheduler_for(parse("max_batch_size: 2", "m"), ["cpu"]), DynamicBatcher)


def test_an_instance_runs_in_as_many_threads_as_it_can_but_a_sequences_in_one() -> None:
    groups = "instance_group { count: 2 kind: KIND_CPU }"
    instances: list[Any] = [SimpleNamespace(concurrency=2), SimpleNamespace(concurrency=1)]
    one, other = instances
    assert threads_for(parse(groups, "m"), instances) == [(one, "cpu"), (one, "cpu"), (other, "cpu")]
    sequences = parse(f"max_batch_size: 2 sequence_batching {{ }} {groups}", "m")
    assert threads_for(sequences, instances) == [(one, "cpu"), (other, "cpu")]


def test_what_is_known_of_times_refuses_from_the_first_request_on() -> None:
    known = KnownTimes((), "cpu", ((1, 0.05),))
    scheduler = scheduler_for(parse("max_batch_size: 1 dynamic_batching { }", "m"), ["cpu"], known)
    scheduler.add(pending(deadline=0.08), 0.0)
    assert scheduler.schedule(0.0).batch
    with pytest.raises(Overloaded, match="would start in about 50 ms"):
        scheduler.add(pending(deadline=0.08), 0.0)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("max_batch_size: 1", DEFAULT_MAX_QUEUE_SIZE),
        ("max_batch_size: 1 sequence_batching { }", DEFAULT_MAX_QUEUE_SIZE),
        ("max_batch_size: 1 dynamic_batching { default_queue_policy { max_queue_size: 7 } }", 7),
        (
            "max_batch_size: 1 dynamic_batching { priority_levels: 3 default_priority_level: 1 "
            "priority_queue_policy { key: 2 value { max_queue_size: 5 } } }",
            DEFAULT_MAX_QUEUE_SIZE + 5,
        ),
    ],
)
def test_so_many_may_wait_and_no_more(text: str, limit: int) -> None:
    config = parse(text, "m")
    assert queue_limit(config) == limit


def test_one_more_than_the_limit_is_refused() -> None:
    config = parse("max_batch_size: 1 dynamic_batching { default_queue_policy { max_queue_size: 7 } }", "m")
    scheduler = scheduler_for(config, ["cpu"])
    for _ in range(queue_limit(config)):
        scheduler.add(pending(deadline=1.0), 0.0)
    with pytest.raises(Overloaded, match="maximum queue size"):
        scheduler.add(pending(deadline=1.0), 0.0)


def pending(deadline: float) -> Pending:
    loop = asyncio.new_event_loop()
    future: asyncio.Future[Arrays] = loop.create_future()
    loop.close()
    return Pending({}, 1, (), deadline, deadline, future, NO_PARAMETERS)
