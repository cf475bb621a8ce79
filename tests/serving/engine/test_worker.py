import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from queue import Queue
from typing import Any

import pytest

from serving.core.batching_config import BatchingConfig
from serving.engine.execution import Run
from serving.engine.statistics import Times
from serving.engine.worker import Execution, WorkerPool
from serving.errors import BackendFailed, DeadlineExceeded, ModelNotReady, Overloaded
from serving.scheduling.dynamic import DynamicBatcher
from serving.scheduling.scheduler import Event
from tests.serving.scheduling.requests import Request

Batch = list[Request]
Said = Queue[tuple[list[Event[Request]], Execution[Request] | None]]


def pool(
    *instances: Callable[[Batch], Any],
    said: Said,
    delay: float = 0.0,
    queue: int = 1000,
    are_up: Sequence[Callable[[], bool]] = (),
) -> WorkerPool[Request]:
    batcher: DynamicBatcher[Request] = DynamicBatcher(BatchingConfig(8, delay, (8,)), queue, ["cpu"] * len(instances))
    executes = [lambda batch, run=instance: Run(run(batch), Times(0.0, 0.0, 0.0)) for instance in instances]
    deliver = lambda events, execution: said.put((events, execution))  # noqa: E731
    return WorkerPool("test", batcher, executes, deliver, are_up=are_up)


def echo(batch: Batch) -> Batch:
    return batch


def test_an_answer_comes_with_the_run_that_made_it() -> None:
    said, request = Said(), Request()
    workers = pool(echo, said=said)
    workers.submit(request)
    [event], execution = said.get(timeout=10)
    assert workers.stop(10)
    assert event.value is request
    assert execution is not None
    assert execution.batch == [request]
    assert request.arrived <= execution.started
    assert execution.run.outcomes == [request]


def test_with_soon_an_instance_is_told_once_of_what_came_together() -> None:
    said, later = Said(), list[Callable[[], None]]()
    batcher: DynamicBatcher[Request] = DynamicBatcher(BatchingConfig(8, 0.0, (8,)), 1000)
    run = partial(Run, times=Times(0.0, 0.0, 0.0))
    workers = WorkerPool("test", batcher, [run], lambda *told: said.put(told), soon=later.append)
    for _ in range(2):
        for _ in range(3):
            workers.submit(Request())
        [tell] = later
        later.clear()
        tell()
        assert len(said.get(timeout=10)[0]) == 3
    assert workers.stop(10)


class Loop:
    """What the pool needs of an event loop: it calls what it is told to when `turn` is called."""

    def __init__(self) -> None:
        self.said: Said = Queue()
        self._later: list[Callable[[], None]] = []

    def soon(self, call: Callable[[], None]) -> None:
        self._later.append(call)

    def turn(self) -> None:
        later, self._later = self._later, []
        for call in later:
            call()

    def pool(self, *instances: Callable[[Batch], Any]) -> WorkerPool[Request]:
        batcher: DynamicBatcher[Request] = DynamicBatcher(BatchingConfig(8, 0.0, (8,)), 1000, ["cpu"] * len(instances))
        executes = [lambda batch, run=instance: Run(run(batch), Times(0.0, 0.0, 0.0)) for instance in instances]
        deliver = lambda *told: self.said.put(told)  # noqa: E731
        return WorkerPool("test", batcher, executes, deliver, soon=self.soon, deliver_here=deliver)


def thread_of(batch: Batch) -> list[Any]:
    return [threading.current_thread()] * len(batch)


def test_what_is_quick_runs_on_the_thread_that_asks() -> None:
    loop = Loop()
    workers = loop.pool(thread_of)
    threads, deadline = set(), time.monotonic() + 60  # a machine that stalls seems slow for a while
    while threading.current_thread() not in threads and time.monotonic() < deadline:
        workers.submit(Request())
        loop.turn()
        [event], execution = loop.said.get(timeout=10)
        threads.add(event.value)
        assert execution is not None
    assert threading.current_thread() in threads
    assert workers.stop(10)


def test_what_takes_long_never_does() -> None:
    loop = Loop()

    def slow(batch: Batch) -> list[Any]:
        time.sleep(0.005)
        return thread_of(batch)

    workers = loop.pool(slow)
    for _ in range(20):
        workers.submit(Request())
        loop.turn()
        assert loop.said.get(timeout=10)[0][0].value is not threading.current_thread()
    assert workers.stop(10)


def test_an_instance_never_runs_twice_at_once_whoever_runs_it() -> None:
    """Quick and slow requests of two shapes take turns on two instances, while another thread asks for an end."""
    loop = Loop()
    busy = [threading.Lock(), threading.Lock()]

    def instance(lock: threading.Lock) -> Callable[[Batch], list[Any]]:
        def run(batch: Batch) -> list[Any]:
            assert lock.acquire(blocking=False)
            if batch[0].key == "slow":
                time.sleep(0.003)
            lock.release()
            return thread_of(batch)

        return run

    workers = loop.pool(*map(instance, busy))
    values, sent, deadline = [], 0, time.monotonic() + 60  # a machine that stalls seems slow for a while
    while sent < 2000 or (threading.current_thread() not in values[-1000:] and time.monotonic() < deadline):
        for key in ("quick", "slow") if sent % 40 == 0 else ("quick",):
            workers.submit(Request(key=key))
            sent += 1
        loop.turn()
        while len(values) < sent - 100:
            values += [event.value for event in loop.said.get(timeout=10)[0]]
    stopping = threading.Thread(target=workers.stop, args=[10])
    stopping.start()
    stopping.join()
    values += [event.value for _ in range(loop.said.qsize()) for event in loop.said.get_nowait()[0]]
    assert len(values) == sent
    assert not any(isinstance(value, Exception) for value in values)
    assert None not in values
    assert threading.current_thread() in values
    assert len(set(values)) > 1


def test_what_arrives_while_the_instance_runs_goes_into_one_batch() -> None:
    said, running, go = Said(), threading.Event(), threading.Event()

    def slow(batch: Batch) -> Batch:
        running.set()
        go.wait(10)
        return batch

    workers = pool(slow, said=said)
    workers.submit(Request())
    assert running.wait(10)
    for _ in range(5):
        workers.submit(Request())
    go.set()
    sizes = [len(said.get(timeout=10)[0]) for _ in range(2)]
    assert workers.stop(10)
    assert sizes == [1, 5]


def test_instances_run_at_the_same_time() -> None:
    said, both = Said(), threading.Barrier(2)

    def meet(batch: Batch) -> Batch:
        both.wait(10)  # breaks unless the other instance comes here too
        return batch

    workers = pool(meet, meet, said=said)
    workers.submit(Request(key="a"))
    workers.submit(Request(key="b"))
    events = [said.get(timeout=10)[0][0] for _ in range(2)]
    assert workers.stop(10)
    assert [event.error for event in events] == [None, None]


def test_a_failed_batch_answers_everyone_and_the_worker_lives_on() -> None:
    said, calls = Said(), iter([RuntimeError("boom"), None, KeyboardInterrupt(), None])

    def execute(batch: Batch) -> Batch:
        if error := next(calls):
            raise error
        return batch

    workers = pool(execute, said=said)
    workers.submit(Request())
    assert str(said.get(timeout=10)[0][0].error) == "the model failed on this request: RuntimeError: boom"
    answered = []
    for _ in range(3):  # the second raises what no `except Exception` sees
        workers.submit(Request())
        answered.append(said.get(timeout=10)[0][0].error is None)
    assert answered == [True, False, True]
    assert workers.stop(10)


def test_an_expired_request_is_answered_without_a_run() -> None:
    said = Said()
    workers = pool(echo, said=said, delay=60.0)
    workers.submit(Request(deadline=0.0))
    [event], execution = said.get(timeout=10)
    assert workers.stop(10)
    assert isinstance(event.error, DeadlineExceeded)
    assert execution is None


def test_draining_holds_nothing_back_and_still_takes_requests() -> None:
    said = Said()
    workers = pool(echo, said=said, delay=3600.0)
    workers.submit(Request())
    workers.drain()
    said.get(timeout=10)
    workers.submit(Request())
    said.get(timeout=10)
    assert workers.stop(10)


def test_a_second_batch_that_is_ready_goes_to_the_idle_instance() -> None:
    """The first fills up only when a larger one comes, which is full itself: one wake-up, two batches."""
    said, both = Said(), threading.Barrier(2)

    def meet(batch: Batch) -> Batch:
        both.wait(10)
        return batch

    workers = pool(meet, meet, said=said, delay=3600.0)
    workers.submit(Request(rows=1))
    workers.submit(Request(rows=8))
    events = [said.get(timeout=10)[0][0] for _ in range(2)]
    assert workers.stop(10)
    assert [event.error for event in events] == [None, None]


def test_a_delay_beyond_what_clocks_can_count_to_is_waited_for() -> None:
    said = Said()
    workers = pool(echo, said=said, delay=1e13)
    workers.submit(Request())
    assert workers.stop(10)
    assert said.get(timeout=10)[0][0].error is None


def test_stop_answers_what_is_held_back_and_ends_every_thread() -> None:
    said, before = Said(), set(threading.enumerate())
    workers = pool(echo, echo, said=said, delay=3600.0)
    for _ in range(3):
        workers.submit(Request())
    assert workers.stop(10)
    assert sum(len(said.get_nowait()[0]) for _ in range(said.qsize())) == 3
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("test-")]


def test_a_run_that_does_not_end_is_left_behind() -> None:
    said, go = Said(), threading.Event()

    def stuck(batch: Batch) -> Batch:
        go.wait(60)
        return batch

    workers = pool(stuck, said=said)
    workers.submit(Request())
    assert not workers.stop(0.05)
    go.set()
    assert said.get(timeout=10)[0][0].error is None


def test_a_full_queue_refuses_the_submitter() -> None:
    workers = pool(said=Said(), queue=1)
    workers.submit(Request())
    with pytest.raises(Overloaded):
        workers.submit(Request())


def test_a_cancelled_request_never_runs() -> None:
    said, request = Said(), Request()
    workers = pool(echo, said=said, delay=3600.0)
    workers.submit(request)
    workers.cancel(request)
    assert workers.stop(10)
    assert said.empty()


def test_what_comes_after_the_stop_is_refused() -> None:
    workers = pool(echo, said=Said())
    assert workers.stop(10)
    with pytest.raises(ModelNotReady):
        workers.submit(Request())


def test_an_instance_that_is_down_leaves_work_to_one_that_is_up_even_if_it_is_slow() -> None:
    said, is_up, go = Said(), threading.Event(), threading.Event()

    def slow(batch: Batch) -> list[str]:
        go.wait(10)
        return ["slow"] * len(batch)

    def fails(batch: Batch) -> list[str]:
        return ["down" if not is_up.is_set() else "up"] * len(batch)

    workers = pool(slow, fails, said=said, are_up=[lambda: True, is_up.is_set])
    for number in range(3):  # each in a batch of its own
        workers.submit(Request(key=number))
    time.sleep(0.2)  # in which it could have taken them all
    assert said.empty()
    is_up.set()
    assert [said.get(timeout=10)[0][0].value for _ in range(2)] == ["up", "up"]
    go.set()
    assert said.get(timeout=10)[0][0].value == "slow"
    assert workers.stop(10)


def test_where_all_instances_are_down_requests_are_answered_and_the_pool_ends() -> None:
    said = Said()
    workers = pool(echo, echo, said=said, are_up=[lambda: False] * 2)
    workers.submit(Request())
    said.get(timeout=10)
    assert workers.stop(10)


def test_what_waits_when_the_pool_stops_is_left_to_the_instance_that_is_up() -> None:
    said, running, go = Said(), threading.Event(), threading.Event()

    def slow(batch: Batch) -> list[str]:
        running.set()
        go.wait(10)
        return ["slow"] * len(batch)

    def fails(batch: Batch) -> list[str]:
        return ["down"] * len(batch)

    workers = pool(slow, fails, said=said, are_up=[lambda: True, lambda: False])
    for number in range(3):
        workers.submit(Request(key=number))
    assert running.wait(10)
    assert not workers.stop(0.2)
    go.set()
    assert workers.stop(10)
    assert [said.get(timeout=10)[0][0].value for _ in range(3)] == ["slow"] * 3


class OutOfOrder(DynamicBatcher[Request]):
    """What no test has found yet: the scheduler itself fails."""

    def complete(self, *_: object) -> list[Event[Request]]:
        raise ZeroDivisionError("by mistake")


@pytest.mark.parametrize("instances", [1, 2])
def test_an_error_of_the_servers_own_leaves_nobody_waiting(instances: int, caplog: pytest.LogCaptureFixture) -> None:
    said, may_run = Said(), threading.Event()

    def run(batch: Batch) -> Run:
        assert may_run.wait(10)
        return Run(batch, Times(0.0, 0.0, 0.0))

    batcher = OutOfOrder(BatchingConfig(1, 0.0, (1,)), 1000, ["cpu"] * instances)
    workers = WorkerPool("test", batcher, [run] * instances, lambda *told: said.put(told))
    requests = [Request() for _ in range(5)]
    for request in requests:
        workers.submit(request)
    assert workers.broken == ""
    may_run.set()
    events, _ = said.get(timeout=10)
    assert {event.request for event in events} == set(requests)
    assert all(isinstance(event.error, BackendFailed) for event in events)
    with pytest.raises(ModelNotReady, match=r"its thread ended \(ZeroDivisionError: by mistake\)"):
        workers.submit(Request())
    assert workers.stop(10)
    assert "only a start of the server anew helps" in caplog.text
