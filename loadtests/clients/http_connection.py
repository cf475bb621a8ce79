"""One connection of HTTP/1.1, and the request that is on it. Rule: a request at a time; bytes are parsed by httptools.

A client library's request costs 100 microseconds of the processor that the measured server may need, this one 9
(docs/experiments.md).
"""

import asyncio
import time
from typing import cast

import httptools

from loadtests.clients.client import Reply
from loadtests.clients.event_times import EventTimes
from loadtests.clients.said import said_in
from loadtests.outcomes import NO_ANSWER, TIMED_OUT


class HttpConnection(asyncio.Protocol):
    """`usable` once made, until it breaks or the server says that it closes it."""

    def __init__(self) -> None:
        self.usable = False
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answered: asyncio.Future[Reply] | None = None
        self._events: EventTimes | None = None
        self._body: list[bytes] = []
        self._begun = False

    async def ask(self, request: bytes, timeout: float, events: EventTimes | None = None) -> tuple[Reply, bool]:
        """The answer, and whether its first byte came. With `events` the body is a stream of them."""
        assert self._transport is not None
        if not self.usable or self._transport.is_closing():  # uvloop's transports take no bytes then
            self.close()
            return Reply(NO_ANSWER, message="the connection broke before it was used"), False
        loop = asyncio.get_running_loop()
        self._answered, self._events, self._body, self._begun = loop.create_future(), events, [], False
        late = loop.call_later(timeout, self._give_up, TIMED_OUT, f"no answer within {timeout:g} s")
        self._transport.write(request)
        try:
            return await self._answered, self._begun
        finally:
            late.cancel()

    def close(self) -> None:
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by behaviour only
        self.usable = True

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._give_up(NO_ANSWER, f"what came is no HTTP: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        self._give_up(NO_ANSWER, f"the connection broke: {error or 'the server closed it'}")

    # What httptools calls.

    def on_message_begin(self) -> None:
        self._begun = True

    def on_body(self, body: bytes) -> None:
        if self._events is None or self._parser.get_status_code() != 200:
            self._body.append(body)
        elif self._events.feed(body, time.monotonic()):
            self._finish(self._events.reply(200))
            self.close()

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        self.usable = self.usable and self._parser.should_keep_alive()
        if self._events is not None and status == 200:
            self._finish(self._events.reply(status))
        else:
            self._finish(Reply(status, message=said_in(b"".join(self._body)) if status >= 300 else ""))

    def _finish(self, reply: Reply) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(reply)

    def _give_up(self, status: int, message: str) -> None:
        self._finish(Reply(status, message=message))
        self.close()
