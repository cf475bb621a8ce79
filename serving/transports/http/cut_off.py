"""Requests that the server cuts off because it must stop are told so, in JSON like every other error.

Rule: cancellation from outside ends here; the application sees it as usual and may clean up.
"""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import ServerExiting
from serving.transports.http.replies import slipway_error_reply


class CutOff:
    """ASGI middleware. A reply that has begun can't be taken back; its connection is closed in the middle."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def watching_send(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watching_send)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if has_begun or task is None or scope["type"] != "http":
                raise
            task.uncancel()
            error = ServerExiting("Server exiting: this request took longer than the server had to stop")
            await slipway_error_reply(error, scope["path"])(scope, receive, send)
