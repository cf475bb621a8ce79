"""How many replies the application sent, by status.

Rule: a reply counts when it begins, also one that is cut off in its middle.
"""

from collections import Counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class CountedReplies:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.replies: Counter[int] = Counter()
        """By status."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counting_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.replies[message["status"]] += 1
            await send(message)

        await self._app(scope, receive, counting_send)
