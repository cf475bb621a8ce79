import asyncio
import gc
import threading
import time
import weakref

from serving.core.batching_config import BatchingConfig
from serving.engine.execution import Run
from serving.engine.expiry import Expiry
from serving.engine.statistics import Times
from serving.engine.worker import WorkerPool
from serving.errors import DeadlineExceeded
from serving.scheduling.dynamic import DynamicBatcher
from serving.scheduling.scheduler import Event
from tests.serving.scheduling.requests import Request

Batch = list[Request]


class Held:
    """An instance that runs a batch until it is let go, behind a scheduler, and what was told of its requests."""

    def __init__(self) -> None:
        self.told: list[Request] = []
        self.begun, self.let_go = threading.Event(), threading.Event()
        batcher: DynamicBatcher[Request] = DynamicBatcher(BatchingConfig(1, 0.0, (1,)), 1000)
        self.pool: WorkerPool[Request] = WorkerPool("test", batcher, [self._run], self._deliver)

    def _run(self, batch: Batch) -> Run:
        self.begun.set()
        assert self.let_go.wait(30)
        return Run(batch, Times(0.0, 0.0, 0.0))

    def _deliver(self, events: list[Event[Request]], _: object) -> None:
        self.told += [event.request for event in events if isinstance(event.error, DeadlineExceeded)]


def submitted(held: Held, expiry: Expiry, deadline: float) -> Request:
    request = Request(deadline=deadline)
    held.pool.submit(request)
    expiry.watch(request.deadline)
    return request


def test_all_who_wait_are_told_as_their_time_comes_while_the_only_instance_is_busy() -> None:
    async def wait() -> None:
        held = Held()
        held.pool.submit(Request())
        assert held.begun.wait(30)
        expiry = Expiry(asyncio.get_running_loop(), held.pool)
        now = time.monotonic()
        late, soon, last = (submitted(held, expiry, now + seconds) for seconds in (0.10, 0.05, 0.15))
        submitted(held, expiry, 1e12)
        while len(held.told) < 3:
            await asyncio.sleep(0.01)
        assert held.told == [soon, late, last]
        assert len(held.pool) == 1
        held.let_go.set()
        assert held.pool.stop(10)

    asyncio.run(wait())


def test_a_model_that_is_unloaded_is_not_kept_by_who_waited_there() -> None:
    async def kept() -> object:
        held = Held()
        submitted(held, Expiry(asyncio.get_running_loop(), held.pool), time.monotonic() + 1000)
        held.let_go.set()
        assert held.pool.stop(10)
        pool = weakref.ref(held.pool)
        del held
        gc.collect()
        return pool()

    assert asyncio.run(kept()) is None
