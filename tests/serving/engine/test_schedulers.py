import asyncio

import pytest

from serving.core.model_config import parse
from serving.core.requests import NO_PARAMETERS, Arrays
from serving.engine.known_times import KnownTimes
from serving.engine.pending import Pending
from serving.engine.schedulers import scheduler_for
from serving.errors import Overloaded
from serving.scheduling.dynamic import DynamicBatcher
from serving.scheduling.sequence import SequenceBatcher


def test_sequences_have_their_own_scheduler() -> None:
    assert isinstance(scheduler_for(parse("max_batch_size: 2 sequence_batching { }", "m"), ["cpu"]), SequenceBatcher)
    assert isinstance(scheduler_for(parse("max_batch_size: 2 dynamic_batching { }", "m"), ["cpu"]), DynamicBatcher)
    assert isinstance(scheduler_for(parse("max_batch_size: 2", "m"), ["cpu"]), DynamicBatcher)


def test_what_is_known_of_times_refuses_from_the_first_request_on() -> None:
    known = KnownTimes((), "cpu", ((1, 0.05),))
    scheduler = scheduler_for(parse("max_batch_size: 1 dynamic_batching { }", "m"), ["cpu"], known)
    scheduler.add(pending(deadline=0.08), 0.0)
    assert scheduler.schedule(0.0).batch
    with pytest.raises(Overloaded, match="would start in about 50 ms"):
        scheduler.add(pending(deadline=0.08), 0.0)


def pending(deadline: float) -> Pending:
    loop = asyncio.new_event_loop()
    future: asyncio.Future[Arrays] = loop.create_future()
    loop.close()
    return Pending({}, 1, (), deadline, deadline, future, NO_PARAMETERS)
