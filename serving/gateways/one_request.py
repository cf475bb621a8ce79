"""A whole request through an ASGI application, and its whole reply.

Rule: `send` gets one reply, whatever the application does, and also where nobody waits for it any more.
"""

import asyncio
import logging
from typing import Any

from serving.transports.http.tensor_request import HEADER_LENGTH, LENGTH, Headers, Send, Target

log = logging.getLogger("slipway")

_FAILED = b'{"error":"internal error; the server\'s log has the details"}'
_JSON: Headers = ((b"content-length", b"%d" % len(_FAILED)), (b"content-type", b"application/json"))


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
            ],
            "client": None,
            "server": None,
        }
        try:
            await app(scope, self._receive, self._collect)
        except Exception as error:
            log.error("POST %s failed", self._target.path, exc_info=error)
        finally:
            if not self._is_answered:
                self._send(500, _JSON, [_FAILED])

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
