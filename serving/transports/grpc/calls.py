"""What every call has around it: errors become its status, and a server that stops waits for it.

Rule: a caller is told what went wrong in words and a code, never in a traceback.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from serving.core.brief import writable
from serving.core.visit import Visit
from serving.errors import BackendFailed, ServerExiting, SlipwayError
from serving.transports.grpc.observed import begin, note_failure, observed, say
from serving.transports.grpc.service import Rpc
from serving.transports.observer import UNOBSERVED, Observer
from serving.transports.status import grpc_status

Unary = Callable[[Any], Awaitable[Any]]
"""A message in, a message out; it may raise what is in `serving/errors.py`."""

Timed = Callable[[Any, float | None, bool], Awaitable[Any]]
"""The same, with the seconds that the caller will wait, None for any time; and whether it is the only one who asks, as
far as anybody can tell."""

Streaming = Callable[[AsyncIterator[Any], Any], Awaitable[None]]
"""Takes a call's messages and its context, into which it writes."""

_EXITING = ServerExiting("Server exiting: it takes no more requests")
TOOK_LONGER = ServerExiting("Server exiting: this request took longer than the server had to stop")

_LAST_WORDS = 1.0  # seconds for the replies to calls that were cut off

_LONGEST_TEXT = 2000  # bytes, three times that on the wire; a client accepts 8 KiB of metadata

log = logging.getLogger("slipway")


class Calls:
    """Belongs to the event loop's thread. `exiting` is set when the server wants no more requests."""

    def __init__(self, observer: Observer = UNOBSERVED) -> None:
        self._observer = observer
        self.exiting = asyncio.Event()
        self.ended: Counter[tuple[str, str]] = Counter()
        """By method, and the name of the code that it ended with."""
        self.without_task: set[object] = set()
        """Those that run, and are not among the tasks here."""
        self._running: set[asyncio.Task[Any]] = set()
        self._cut_off: set[asyncio.Task[Any]] = set()

    def __repr__(self) -> str:
        return f"<Calls {self.running} running>"

    @property
    def running(self) -> int:
        return len(self._running) + len(self.without_task)

    def unary(self, name: str, answer: Unary) -> Rpc:
        """An error in the message's place is the call's status."""

        async def rpc(message: Any, context: Any) -> Any:
            if self.exiting.is_set():
                return await self._seen(name, _refuse(_EXITING), context)
            answering = _refuse(message) if isinstance(message, SlipwayError) else answer(message)
            return await self._seen(name, answering, context)

        return rpc

    def timed(self, name: str, answer: Timed) -> Rpc:
        """The same for a method that is told how much time its caller gives it."""

        async def rpc(message: Any, context: Any) -> Any:
            if self.exiting.is_set():
                return await self._seen(name, _refuse(_EXITING), context)
            if isinstance(message, SlipwayError):
                return await self._seen(name, _refuse(message), context)
            return await self._seen(name, answer(message, context.time_remaining(), context.is_lone), context)

        return rpc

    def streaming(self, name: str, answer: Streaming) -> Rpc:
        """Whose messages are each a visit of its own."""

        async def rpc(messages: AsyncIterator[Any], context: Any) -> None:
            await self._framed(name, answer(messages, context), context)

        return rpc

    async def end(self, timeout: float) -> int:
        """No call is taken any more; how many of those that run did not end within `timeout` seconds, and were told."""
        self.exiting.set()
        running = set(self._running)
        if not running:
            return 0
        _, self._cut_off = await asyncio.wait(running, timeout=timeout)
        for task in self._cut_off:
            task.cancel()
        if self._cut_off:
            await asyncio.wait(self._cut_off, timeout=_LAST_WORDS)
        return len(self._cut_off)

    async def _seen(self, name: str, answer: Awaitable[Any], context: Any) -> Any:
        visit = begin(self._observer, name, context)
        with observed(self._observer, visit):
            return await self._framed(name, answer, context, visit)

    async def _framed(self, name: str, answer: Awaitable[Any], context: Any, visit: Visit | None = None) -> Any:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        task.add_done_callback(self._running.discard)  # once grpc has sent the reply, which may take long
        try:
            response = await answer
            if visit is not None:
                say(self._observer, visit, context)
            self.ended[name, grpc.StatusCode.OK.name] += 1
            return response
        except Exception as error:
            if context.done():  # nobody is there to be told
                self.ended[name, grpc.StatusCode.CANCELLED.name] += 1
                return None
            failure = told(error, name)
        except asyncio.CancelledError:
            if task not in self._cut_off:
                self.ended[name, grpc.StatusCode.CANCELLED.name] += 1
                raise
            task.uncancel()
            failure = TOOK_LONGER
        status = grpc_status(failure)
        self.ended[name, status.name] += 1
        if visit is not None:
            note_failure(visit, failure)
            say(self._observer, visit, context)
        return await context.abort(status, shortened(str(failure)))


async def _refuse(error: SlipwayError) -> Any:
    raise error


def told(error: Exception, name: str) -> SlipwayError:
    """What a caller is told of `error`; one that nobody foresaw is in the log."""
    if isinstance(error, SlipwayError):
        return error
    log.error("%s failed", name, exc_info=error)
    return BackendFailed("internal error; the server's log has the details")


def shortened(text: str) -> str:
    """A caller's own names may be of any length."""
    return writable(text).encode()[:_LONGEST_TEXT].decode(errors="ignore")
