"""An event loop in a thread of its own, on which the coroutines of one Python model run.

Rule: nothing that a model's code raises ends the loop or the thread that waits for it; what is neither an `Exception`
nor the server's own doing becomes a `BackendFailed`.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from serving.errors import BackendFailed

T = TypeVar("T")

_POLL = 0.05  # seconds; whether a caller is still there can only be asked
_PATIENCE = 5.0  # seconds for the loop's thread to end

log = logging.getLogger("slipway")


def called(function: Callable[..., T], *arguments: Any) -> T:
    """Call a model's code."""
    try:
        return function(*arguments)
    except Exception:
        raise
    except BaseException as error:
        raise _failure(error) from error


class LoopThread:
    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"{name}-loop", daemon=True)
        self._thread.start()

    def run(self, awaitable: Awaitable[T]) -> T:
        """Wait for it in the calling thread; several threads may at once."""
        return asyncio.run_coroutine_threadsafe(_guarded(awaitable), self._loop).result()

    def iterate(self, items: AsyncGenerator[T, None], is_cancelled: Callable[[], bool]) -> Generator[T, None, None]:
        """Its items, each computed when it is asked for, until `is_cancelled`.

        One task runs all of it, because timeouts and connections may be open across a `yield`. When this generator is
        closed, or `is_cancelled`, the task is cancelled where it waits, and `items` is closed before this returns.
        """
        channel: SimpleQueue[Any] = SimpleQueue()  # items, and the task itself when it has ended
        wanted = asyncio.Semaphore(0)
        stopped = threading.Event()
        task = self._start(_pump(items, channel, wanted, stopped), channel)
        try:
            while not is_cancelled():
                self._loop.call_soon_threadsafe(wanted.release)
                item = _next(channel, is_cancelled, task)
                if item is task:
                    break
                yield item
            if task.done():
                called(task.result)
        finally:
            if not task.done():
                stopped.set()
                self._loop.call_soon_threadsafe(task.cancel)
                while not task.done():
                    channel.get()
                _log_failed_cleanup(task)

    def close(self) -> None:
        """Cancel what still runs. A thread that does not end, because code on it blocks, is left behind."""
        self._closing = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)

    def _start(self, awaitable: Awaitable[None], channel: "SimpleQueue[Any]") -> "asyncio.Task[None]":
        async def start() -> asyncio.Task[None]:
            task = asyncio.ensure_future(_guarded(awaitable))
            task.add_done_callback(channel.put)
            return task

        return self.run(start())

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._closing:
            try:
                self._loop.run_forever()
            except BaseException as error:  # SystemExit in a task that the model started by itself
                log.error("a Python model's task raised %s", type(error).__name__, exc_info=error)
        self._loop.run_until_complete(_cancel_all())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


async def _guarded(awaitable: Awaitable[T]) -> T:
    try:
        return await awaitable
    except (Exception, GeneratorExit):
        raise
    except BaseException as error:  # SystemExit would end the loop, CancelledError would lose its words
        raise _failure(error) from error


async def _pump(
    items: AsyncGenerator[T, None], channel: "SimpleQueue[Any]", wanted: asyncio.Semaphore, stopped: threading.Event
) -> None:
    async with aclosing(items):
        await wanted.acquire()
        async for item in items:
            channel.put(item)
            if stopped.is_set():  # the model's code may have swallowed the cancellation
                return
            await wanted.acquire()


def _next(channel: "SimpleQueue[Any]", is_cancelled: Callable[[], bool], end: Any) -> Any:
    """The next item; `end` also when the caller is gone."""
    while True:
        try:
            return channel.get(timeout=_POLL)
        except Empty:
            if is_cancelled():
                return end


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _log_failed_cleanup(task: "asyncio.Task[None]") -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error.__cause__, asyncio.CancelledError):
        log_failed_cleanup(error)


def log_failed_cleanup(error: BaseException) -> None:
    """There may be one for every caller that leaves."""
    log.warning("a Python model failed on a request whose caller had left: %s: %s", type(error).__name__, error)
    log.debug("its traceback", exc_info=error)


def _failure(error: BaseException) -> BackendFailed:
    return BackendFailed(f"it raised {type(error).__name__}: {error}".removesuffix(": "))
