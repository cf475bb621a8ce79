"""Bodies larger than the server accepts are refused with 413, and those that it has no memory for with 429, before they
are read where their length is announced.

Rule: the reply is JSON like every other error, which the framework's own limiter does not give.
"""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import BodyTooLarge, OutOfMemory, SlipwayError
from serving.transports.held_memory import Held, HeldMemory
from serving.transports.http.replies import slipway_error_reply

_LINGERING = 2.0  # seconds

HELD = "slipway.held"
"""In a request's scope: the memory that it holds."""


class BodyLimit:
    """ASGI middleware; `max_body_size` in bytes. What it raises inside the application is a `BodyTooLarge`, or
    `OutOfMemory`."""

    def __init__(self, app: ASGIApp, max_body_size: int, memory: HeldMemory) -> None:
        self._app = app
        self._max_body_size = max_body_size
        self._memory = memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        size = int(announced) if announced.isdecimal() else 0
        if size > self._max_body_size:
            await self._refuse(scope, receive, send, self._too_large())
            return
        held = Held(self._memory)
        try:
            held.grow(size)
        except OutOfMemory as error:
            await self._refuse(scope, receive, send, error)
            return
        scope[HELD] = held
        try:
            await self._count(scope, receive, send, held)
        finally:
            held.end()

    async def _count(self, scope: Scope, receive: Receive, send: Send, held: Held) -> None:
        received = 0

        async def counting_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body_size:
                raise self._too_large()
            if received > held.size:  # of a length that was not announced
                held.grow(received - held.size)
            return message

        await self._app(scope, counting_receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, error: SlipwayError) -> None:
        """A caller that sends all before it reads would lose the reply with the connection, so that waits a little."""

        async def send_unfinished(message: Message) -> None:
            await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

        reply = slipway_error_reply(error, scope["path"], {"Connection": "close"})
        await reply(scope, receive, send_unfinished)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGERING):
                while (await receive()).get("more_body", False):
                    pass
        await send({"type": "http.response.body", "body": b""})

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(
            f"the request's body is larger than the server accepts, {self._max_body_size} bytes; "
            "its limit is set with --max-body-size"
        )
