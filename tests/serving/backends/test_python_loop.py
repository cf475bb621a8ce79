import asyncio
import logging
import sys
import threading
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from serving.backends.python_loop import LoopThread, called
from serving.errors import BackendFailed, InvalidInput


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    thread = LoopThread("test")
    yield thread
    thread.close()
    assert not [other for other in threading.enumerate() if other.name == "test-loop"]


def never() -> bool:
    return False


async def value(result: int) -> int:
    return result


def test_coroutines_of_several_threads_run_at_once(loop: LoopThread) -> None:
    barrier = asyncio.Barrier(4)  # passes only when four wait together
    with ThreadPoolExecutor(4) as pool:
        assert len({*pool.map(lambda _: loop.run(barrier.wait()), range(4))}) == 4


@pytest.mark.parametrize("error", [InvalidInput("no"), ValueError("odd")])
def test_errors_reach_the_thread_that_waits(loop: LoopThread, error: Exception) -> None:
    async def failing() -> None:
        raise error

    with pytest.raises(type(error), match=str(error)):
        loop.run(failing())


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), BaseException("x")])
def test_nothing_ends_the_loop(loop: LoopThread, error: BaseException) -> None:
    async def failing() -> None:
        raise error

    with pytest.raises(BackendFailed, match=f"it raised {type(error).__name__}"):
        loop.run(failing())
    assert loop.run(value(1)) == 1


def test_a_task_of_the_models_own_does_not_end_the_loop(loop: LoopThread, caplog: pytest.LogCaptureFixture) -> None:
    async def start() -> "asyncio.Task[None]":
        async def leave() -> None:
            sys.exit(3)

        return asyncio.create_task(leave())

    task = loop.run(start())
    assert loop.run(value(1)) == 1
    assert task.done()
    assert "raised SystemExit" in caplog.text
    with suppress(SystemExit):
        task.result()


def test_items_come_one_by_one_and_only_when_asked_for(loop: LoopThread) -> None:
    made = []

    async def items() -> AsyncGenerator[int, None]:
        for number in range(3):
            made.append(number)
            yield number

    iterator = loop.iterate(items(), never)
    assert next(iterator) == 0
    loop.run(value(0)), loop.run(value(0))  # were it running ahead, it would have run by now
    assert made == [0]
    assert list(iterator) == [1, 2]


def test_one_task_runs_all_of_an_iteration(loop: LoopThread) -> None:
    async def items() -> AsyncGenerator[int, None]:
        async with asyncio.timeout(60):  # refuses to be left in another task than it was entered in
            yield id(asyncio.current_task())
            yield id(asyncio.current_task())

    assert len(set(loop.iterate(items(), never))) == 1


def test_none_is_an_item(loop: LoopThread) -> None:
    async def items() -> AsyncGenerator[None, None]:
        yield None

    assert list(loop.iterate(items(), never)) == [None]


def test_an_error_comes_after_the_items_before_it(loop: LoopThread) -> None:
    async def items() -> AsyncGenerator[int, None]:
        yield 1
        raise ValueError("after one")

    iterator = loop.iterate(items(), never)
    assert next(iterator) == 1
    with pytest.raises(ValueError, match="after one"):
        next(iterator)


async def with_trace(trace: list[str]) -> AsyncGenerator[int, None]:
    try:
        yield 1
        trace.append("waits")
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        trace.append("cancelled")
        raise
    finally:
        await asyncio.sleep(0)
        trace.append("closed")


def test_closing_the_iterator_runs_the_generators_finally(loop: LoopThread) -> None:
    trace: list[str] = []
    iterator = loop.iterate(with_trace(trace), never)
    next(iterator)
    iterator.close()
    assert trace == ["closed"]


def test_a_caller_that_leaves_cancels_what_waits(loop: LoopThread, caplog: pytest.LogCaptureFixture) -> None:
    trace: list[str] = []
    assert list(loop.iterate(with_trace(trace), lambda: bool(trace))) == [1]
    assert trace == ["waits", "cancelled", "closed"]
    assert not caplog.records


def test_a_caller_that_has_left_already_starts_nothing(loop: LoopThread) -> None:
    trace: list[str] = []
    assert list(loop.iterate(with_trace(trace), lambda: True)) == []
    assert trace == []


def test_a_generator_that_swallows_its_cancellation_is_closed_at_its_next_yield(loop: LoopThread) -> None:
    trace: list[str] = []

    async def items() -> AsyncGenerator[int, None]:
        try:
            while True:
                with suppress(asyncio.CancelledError):
                    trace.append("waits")
                    await asyncio.Event().wait()
                yield 1
        finally:
            trace.append("closed")

    assert list(loop.iterate(items(), lambda: bool(trace))) == []
    assert trace == ["waits", "closed"]


def test_what_fails_after_the_caller_left_is_logged(loop: LoopThread, caplog: pytest.LogCaptureFixture) -> None:
    async def items() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            raise ValueError("while closing")

    iterator = loop.iterate(items(), never)
    next(iterator)
    iterator.close()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_closing_cancels_tasks_that_still_run() -> None:
    loop = LoopThread("test")
    trace: list[str] = []

    async def start() -> None:
        async def forever() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                trace.append("cancelled")

        trace.append(asyncio.create_task(forever()).get_name()[:4])
        await asyncio.sleep(0)

    loop.run(start())
    loop.close()
    assert trace == ["Task", "cancelled"]


def test_a_call_turns_what_would_end_a_thread_into_a_failure() -> None:
    assert called(max, 1, 2) == 2
    with pytest.raises(BackendFailed, match="it raised SystemExit: 3"):
        called(sys.exit, 3)
    with pytest.raises(ValueError, match="invalid literal"):
        called(int, "x")
