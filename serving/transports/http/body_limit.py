"""Bodies larger than the server accepts are refused with 413, before they are read where their length is announced.

Rule: the reply is JSON like every other error, which the framework's own limiter does not give.
"""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import BodyTooLarge
from serving.transports.http.replies import slipway_error_reply


class BodyLimit:
    """ASGI middleware; `max_body_size` in bytes. What it raises inside the application is a `BodyTooLarge`."""

    def __init__(self, app: ASGIApp, max_body_size: int) -> None:
        self._app = app
        self._max_body_size = max_body_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._max_body_size:
            reply = slipway_error_reply(self._too_large(), scope["path"], {"Connection": "close"})
            await reply(scope, receive, send)
            return
        received = 0

        async def counting_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body_size:
                raise self._too_large()
            return message

        await self._app(scope, counting_receive, send)

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(
            f"the request's body is larger than the server accepts, {self._max_body_size} bytes; "
            "its limit is set with --max-body-size"
        )
