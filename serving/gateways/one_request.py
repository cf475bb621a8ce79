"""A whole request through an ASGI application, and its whole reply.

Rule: `send` gets one reply, whatever the application does, and also where nobody waits for it any more.
"""

import asyncio
from typing import Any

from starlette.responses import Response

from serving.transports.http.replies import internal_error_reply, unexpected_error_reply
from serving.transports.http.tensor_request import HEADER_LENGTH, LENGTH, Headers, Send, Target


class OneRequest:
    def __init__(self, target: Target, body: bytes | memoryview, send: Send) -> None:
        self._target = target
        self._body: bytes | memoryview | None = body
        self._send = send
        self._gone = asyncio.Event()
        self._status = 0
        self._headers: Headers = ()
        self._pieces: list[bytes] = []
        self._is_answered = False

    def leave(self) -> None:
        """The caller does."""
        self._gone.set()

    async def answer(self, app: Any) -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": self._target.path,
            "raw_path": self._target.path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [
                (LENGTH, b"%d" % self._target.length),
                (HEADER_LENGTH, b"%d" % self._target.header_length),
                *([(b"accept-encoding", self._target.accepts.encode("latin-1"))] if self._target.accepts else []),
                *([(b"x-request-timeout-ms", b"%r" % (self._target.timeout * 1000))] if self._target.timeout else []),
                *([(b"x-api-key", self._target.key.encode("latin-1"))] if self._target.key else []),
                *self._target.noted,
            ],
            "client": None,
            "server": None,
        }
        try:
            await app(scope, self._receive, self._collect)
        except Exception as error:
            self._fail(unexpected_error_reply(f"POST {self._target.path}", error))
        finally:
            if not self._is_answered:
                self._fail(internal_error_reply())

    def _fail(self, reply: Response) -> None:
        """Unless it was answered."""
        if not self._is_answered:
            self._is_answered = True
            self._send(reply.status_code, reply.raw_headers, [reply.body])

    async def _receive(self) -> dict[str, Any]:
        if self._body is None:
            await self._gone.wait()
            return {"type": "http.disconnect"}
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def _collect(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], message["headers"]
            return
        self._pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            self._is_answered = True
            self._send(self._status, self._headers, self._pieces)
