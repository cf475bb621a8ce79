"""Requests that the server cuts off because it must stop are told so, in JSON like every other error.

Rule: cancellation from outside ends here; the application sees it as usual and may clean up.
"""

import asyncio

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import ServerExiting
from serving.protocols import sse
from serving.transports.http.replies import slipway_error_reply


class CutOff:
    """ASGI middleware. A stream that has begun gets it as its last event; another reply that has begun is closed in
    its middle."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun: Message | None = None

        async def watching_send(message: Message) -> None:
            nonlocal begun
            begun = begun or message
            await send(message)

        try:
            await self._app(scope, receive, watching_send)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or scope["type"] != "http" or (begun is not None and not _is_event_stream(begun)):
                raise
            task.uncancel()
            reply = cut_off_reply(scope["path"])
            if begun is None:
                await reply(scope, receive, send)
            else:
                await send({"type": "http.response.body", "body": sse.event(bytes(reply.body))})


def cut_off_reply(path: str) -> Response:
    error = ServerExiting("Server exiting: this request took longer than the server had to stop")
    return slipway_error_reply(error, path)


def _is_event_stream(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type") == sse.CONTENT_TYPE
