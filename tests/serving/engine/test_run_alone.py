"""Of the pool: what runs on the thread that brings it, and is told before it goes on."""

import threading
import time
from collections.abc import Callable
from queue import Queue
from typing import Any

import pytest

from serving.core.batching_config import BatchingConfig
from serving.engine.execution import Run
from serving.engine.statistics import Times
from serving.engine.worker import Execution, WorkerPool
from serving.errors import BackendFailed, ModelNotReady
from serving.scheduling.dynamic import DynamicBatcher
from serving.scheduling.scheduler import Event
from tests.serving.scheduling.requests import Request

Told = tuple[list[Event[Request]], Execution[Request] | None]
Execute = Callable[[list[Request]], list[Any]]
Batcher = DynamicBatcher[Request]


class Loop:
    """What a pool needs of an event loop: `turn` calls what was asked for. Keeps what was `told` on this thread, and
    what came from `elsewhere`."""

    def __init__(self) -> None:
        self.later: list[Callable[[], None]] = []
        self.told: list[Told] = []
        self.elsewhere: Queue[Told] = Queue()

    def turn(self) -> None:
        later, self.later = self.later, []
        for call in later:
            call()

    def pool(self, *instances: Execute, batcher: type[Batcher] = DynamicBatcher) -> WorkerPool[Request]:
        """Whose batches of one shape are known to be quick, and whose threads wait for work."""
        scheduler = batcher(BatchingConfig(8, 0.0, (8,)), 1000, ["cpu"] * len(instances))
        scheduler.learn(Request().key, "here", 1, 50e-6)
        executes = [lambda batch, run=each: Run(run(batch), Times(0.0, 0.0, 0.0)) for each in instances]
        workers = WorkerPool(
            *("test", scheduler, executes, lambda *told: self.elsewhere.put(told)),
            soon=lambda call: self.later.append(call),
            deliver_here=lambda *told: self.told.append(told),
        )
        all_wait(workers, len(instances))
        return workers

    def answers(self) -> list[Any]:
        """On this thread, the values or else the errors."""
        return [event.error or event.value for events, _ in self.told for event in events]


def all_wait(workers: WorkerPool[Request], instances: int) -> None:
    deadline = time.monotonic() + 30
    while len(workers._idle) < instances:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def thread_of(batch: list[Request]) -> list[Any]:
    return [threading.current_thread()] * len(batch)


def test_it_runs_on_the_calling_thread_and_is_told_before_that_goes_on() -> None:
    loop, request = Loop(), Request()
    workers = loop.pool(thread_of)
    assert workers.run_alone(request)
    [([event], execution)] = loop.told
    assert (event.request, event.value) == (request, threading.current_thread())
    assert execution is not None
    assert execution.batch == [request]
    assert request.arrived <= execution.started <= execution.ended
    assert loop.later == []
    assert workers.stop(10)
    assert loop.elsewhere.empty()


def test_one_after_another_runs_and_each_is_told_once() -> None:
    loop, requests = Loop(), [Request() for _ in range(200)]
    workers = loop.pool(list)
    alone = [workers.run_alone(request) for request in requests]
    assert loop.answers() == [request for request, ran in zip(requests, alone, strict=True) if ran]
    assert alone[0]
    assert workers.stop(10)


def test_while_others_wait_it_does_not() -> None:
    loop, comes = Loop(), Request()
    workers = loop.pool(thread_of)
    workers.submit(Request())
    assert not workers.run_alone(comes)
    assert (loop.told, len(workers), comes.arrived) == ([], 1, 0.0)
    workers.submit(comes)
    loop.turn()
    assert sum(len(events) for events, _ in loop.told) + loop.elsewhere.qsize() > 0
    assert workers.stop(10)


def test_what_was_cancelled_before_the_loop_looked_is_waited_for_as_well() -> None:
    """The turn that looks for it would find a queue that it does not know."""
    loop, gone = Loop(), Request()
    workers = loop.pool(thread_of)
    workers.submit(gone)
    workers.cancel(gone)
    assert not workers.run_alone(Request())
    loop.turn()
    assert workers.run_alone(Request())
    assert loop.answers() == [threading.current_thread()]
    assert workers.stop(10)


def test_while_no_instance_is_idle_it_does_not() -> None:
    loop, go = Loop(), threading.Event()

    def held(batch: list[Request]) -> list[Any]:
        assert go.wait(10)
        return thread_of(batch)

    workers = loop.pool(held)
    workers.submit(Request(key="slow, for all that is known"))
    loop.turn()
    while workers._idle:
        time.sleep(0.001)
    assert not workers.run_alone(Request())
    go.set()
    loop.elsewhere.get(timeout=10)
    all_wait(workers, 1)
    assert workers.run_alone(Request())
    assert workers.stop(10)


def test_a_pool_that_stops_does_not() -> None:
    loop = Loop()
    workers = loop.pool(thread_of)
    assert workers.stop(10)
    assert not workers.run_alone(Request())
    assert loop.told == []
    with pytest.raises(ModelNotReady):
        workers.submit(Request())


def test_nor_does_one_that_has_begun_to_stop_while_its_threads_still_wait() -> None:
    loop, ran = Loop(), list[bool]()

    class Asked(DynamicBatcher[Request]):
        def close(self) -> None:
            ran.append(workers.run_alone(Request()))
            super().close()

    workers = loop.pool(thread_of, batcher=Asked)
    assert workers.stop(10)
    assert ran == [False]


def test_a_pool_that_is_told_of_nothing_here_does_not() -> None:
    said: Queue[Told] = Queue()
    scheduler: Batcher = DynamicBatcher(BatchingConfig(8, 0.0, (8,)), 1000)
    scheduler.learn(Request().key, "here", 1, 50e-6)
    workers = WorkerPool(
        "test", scheduler, [lambda batch: Run(thread_of(batch), Times(0.0, 0.0, 0.0))], lambda *told: said.put(told)
    )
    all_wait(workers, 1)
    assert not workers.run_alone(Request())
    assert workers.stop(10)
    assert said.empty()


def test_one_that_fails_is_told_why_and_the_next_one_runs() -> None:
    loop, calls = Loop(), iter([RuntimeError("boom"), KeyboardInterrupt(), None])

    def execute(batch: list[Request]) -> list[Any]:
        if error := next(calls):
            raise error
        return thread_of(batch)

    workers = loop.pool(execute)
    assert all(workers.run_alone(Request()) for _ in range(3))
    first, second, third = loop.answers()
    assert str(first) == "the model failed on this request: RuntimeError: boom"
    assert isinstance(second, BackendFailed)
    assert third is threading.current_thread()
    assert workers.broken == ""
    assert workers.stop(10)


def test_the_thread_whose_instance_was_lent_goes_on_with_what_comes_next() -> None:
    loop = Loop()
    workers = loop.pool(thread_of)
    for number in range(20):
        assert workers.run_alone(Request())
        workers.submit(Request(key=number))  # nobody knows how long it takes
        loop.turn()
        [event], _ = loop.elsewhere.get(timeout=10)
        assert event.value not in (None, threading.current_thread())
        all_wait(workers, 1)
    assert loop.answers() == [threading.current_thread()] * 20
    assert workers.stop(10)


def test_who_comes_while_one_runs_alone_is_taken_by_an_instance() -> None:
    """As from a model that asks another one by its own server."""
    loop, inner = Loop(), Request(key="inner")

    def execute(batch: list[Request]) -> list[Any]:
        if inner not in batch:
            workers.submit(inner)
            loop.turn()
            time.sleep(0.05)  # in which the instance's own thread could take it
            assert loop.elsewhere.empty()
        return thread_of(batch)

    workers = loop.pool(execute)
    assert workers.run_alone(Request())
    assert loop.answers() == [threading.current_thread()]
    [event], _ = loop.elsewhere.get(timeout=10)
    assert event.request is inner
    assert event.value is not threading.current_thread()
    assert workers.stop(10)


def test_an_error_of_whoever_is_told_breaks_the_pool(caplog: pytest.LogCaptureFixture) -> None:
    loop = Loop()

    class Broken(list[Any]):
        def append(self, _: object) -> None:
            raise ZeroDivisionError("by mistake")

    workers = loop.pool(thread_of)
    loop.told = Broken()
    assert workers.run_alone(Request())
    assert workers.broken.startswith("its thread ended (ZeroDivisionError: by mistake)")
    assert not workers.run_alone(Request())
    with pytest.raises(ModelNotReady, match="by mistake"):
        workers.submit(Request())
    assert workers.stop(10)
    assert "only a start of the server anew helps" in caplog.text


class OutOfOrder(DynamicBatcher[Request]):
    def complete(self, *_: object) -> list[Event[Request]]:
        raise ZeroDivisionError("by mistake")


@pytest.mark.parametrize("is_alone", [True, False])
def test_an_error_of_the_scheduler_leaves_neither_callers_nor_threads_waiting(is_alone: bool) -> None:
    loop, request = Loop(), Request()
    workers = loop.pool(thread_of, batcher=OutOfOrder)
    if is_alone:
        assert workers.run_alone(request)
    else:
        workers.submit(request)
        loop.turn()
    [event], _ = loop.elsewhere.get(timeout=10)
    assert (event.request, type(event.error)) == (request, BackendFailed)
    assert loop.told == []
    assert workers.stop(10)


def test_a_pool_that_stops_meanwhile_ends_with_it() -> None:
    loop, busy, stopping, ended = Loop(), threading.Lock(), list[threading.Thread](), list[bool]()

    def execute(batch: list[Request]) -> list[Any]:
        assert busy.acquire(blocking=False)
        if not stopping:
            stopping.append(threading.Thread(target=lambda: ended.append(workers.stop(10))))
            stopping[0].start()
            time.sleep(0.02)
        busy.release()
        return thread_of(batch)

    workers = loop.pool(execute)
    assert workers.run_alone(Request())
    stopping[0].join()
    assert ended == [True]
    assert loop.answers() == [threading.current_thread()]
