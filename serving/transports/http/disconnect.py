"""A caller that hangs up. Rule: what it asked for is dropped where it waits, and its connection's task ends quietly."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import Request

from serving.errors import Cancelled

T = TypeVar("T")

_GRACE = 0.05
"""Seconds before a connection is watched: most answers are there sooner, and a watcher for each costs a tenth of the
server's rate (docs/experiments.md)."""


async def until_disconnect(request: Request, answer: Coroutine[Any, Any, T]) -> T:
    """Await `answer`, and cancel it when the caller goes away, so that its place in the queue is free.

    Raises `Cancelled` then.
    """
    task = asyncio.current_task()
    assert task is not None
    watchers: list[asyncio.Task[None]] = []
    timer = asyncio.get_running_loop().call_later(
        _GRACE, lambda: watchers.append(asyncio.create_task(_cancel_on_disconnect(request, task)))
    )
    try:
        return await answer
    except asyncio.CancelledError:
        if any(watcher.done() for watcher in watchers) and task.uncancel() == 0:
            raise Cancelled("the caller closed the connection") from None
        raise
    finally:
        timer.cancel()
        for watcher in watchers:
            watcher.cancel()


async def _cancel_on_disconnect(request: Request, task: "asyncio.Task[Any]") -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    task.cancel()
