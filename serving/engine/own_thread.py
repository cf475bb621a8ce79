"""Work that may take for ever, such as loading somebody's model.

Rule: it gets a thread of its own, so that it neither waits for others' work nor keeps them, or the process, waiting.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


def in_own_thread(function: Callable[..., T], *arguments: Any) -> "asyncio.Future[T]":
    """What it returns or raises. Cancelling the future leaves the thread to itself."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = function(*arguments)
        except Exception as error:
            _tell(loop, future, future.set_exception, error)
        except BaseException as error:  # a future that raised it would end the loop
            _tell(loop, future, future.set_exception, RuntimeError(f"the work ended with {type(error).__name__}"))
        else:
            _tell(loop, future, future.set_result, result)

    threading.Thread(target=run, name=getattr(function, "__name__", "work"), daemon=True).start()
    return future


def _tell(
    loop: asyncio.AbstractEventLoop, future: "asyncio.Future[T]", settle: Callable[[Any], None], outcome: Any
) -> None:
    def on_loop() -> None:
        if not future.done():
            settle(outcome)

    with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
        loop.call_soon_threadsafe(on_loop)
