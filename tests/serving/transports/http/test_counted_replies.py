import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from serving.transports.http.counted_replies import CountedReplies


async def nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def test_a_reply_is_counted_once_when_it_begins() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": scope["status"], "headers": []})
        await send({"type": "http.response.body", "body": b"1", "more_body": True})
        if scope["status"] == 201:
            raise asyncio.CancelledError
        await send({"type": "http.response.body", "body": b"2", "more_body": False})

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    counted = CountedReplies(app)
    for status in (200, 404, 404):
        await counted({"type": "http", "status": status}, nothing, send)
    with pytest.raises(asyncio.CancelledError):
        await counted({"type": "http", "status": 201}, nothing, send)
    assert counted.replies == {200: 1, 404: 2, 201: 1}
    assert len(sent) == 3 * 3 + 2, "all is passed on"
