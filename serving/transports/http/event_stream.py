"""A reply of server-sent events, which has begun when its first event is there.

Rule: it closes its events however it ends, with a caller that hangs up or with a server that stops; what goes wrong by
then is an event.
"""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from serving.errors import BackendFailed, SlipwayError
from serving.protocols import sse

log = logging.getLogger("slipway")


class EventStream(StreamingResponse):
    def __init__(
        self,
        first: bytes,
        events: AsyncGenerator[bytes, None],
        path: str,
        failure: Callable[[SlipwayError], bytes],
        last: bytes = b"",
    ) -> None:
        """`failure` makes an event of an error; `last` follows everything, errors too."""
        self._events = events
        body = _body(first, events, path, failure, last)
        super().__init__(body, headers={"Content-Type": sse.CONTENT_TYPE, "Cache-Control": "no-cache"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._events):
            await super().__call__(scope, receive, send)


async def _body(
    first: bytes,
    events: AsyncGenerator[bytes, None],
    path: str,
    failure: Callable[[SlipwayError], bytes],
    last: bytes,
) -> AsyncGenerator[bytes, None]:
    yield first
    try:
        async for event in events:
            yield event
    except SlipwayError as error:
        yield failure(error)
    except Exception as error:
        log.error("POST %s failed in the middle of its stream", path, exc_info=error)
        yield failure(BackendFailed("internal error; the server's log has the details"))
    if last:
        yield last
