"""What a gateway does not send to the engine as a frame: it goes to the server's own HTTP, and back, as it comes.

Rule: it keeps nothing: bodies flow as fast as the slower side takes them, and whoever hangs up at one side is gone at
the other.
"""

import asyncio
from contextlib import suppress
from typing import Any

from serving.access.peers import PEER
from serving.gateways.upstream import Broken, Headers, Upstream, Upstreams

_OF_THE_CONNECTION = frozenset([b"connection", b"keep-alive", b"proxy-connection", b"te", b"upgrade"])
_NOT_PASSED_ON = _OF_THE_CONNECTION | {PEER.encode()}  # whose word the server takes for where a request comes from
_WRITTEN_ANEW = frozenset([b"date", b"transfer-encoding"])  # by whoever writes the reply to the client
_EXPECTED = (b"expect", b"100-continue")
_LOST = b'{"error":"Server exiting: it did not answer this request"}'


class Proxy:
    """An ASGI application."""

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            upstream = await self._upstreams.take()
        except OSError:
            await _say_lost(send)
            return
        upstream.is_clean = False
        exchange = _Exchange(scope, receive, send, upstream)
        upload = asyncio.ensure_future(exchange.send_request())
        try:
            await exchange.send_reply()
        finally:
            upload.cancel()
            self._upstreams.give_back(upstream)


class _Exchange:
    """One request and its reply."""

    def __init__(self, scope: Any, receive: Any, send: Any, upstream: Upstream) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._upstream = upstream
        self._is_sent = False  # the request, as a whole
        self._is_left = False  # by the client
        self._may_send_body = asyncio.Event()

    async def send_request(self) -> None:
        """And then watch the client, until cancelled."""
        with suppress(ConnectionError):  # whoever waits for the reply sees that too
            await self._send_request()

    async def _send_request(self) -> None:
        headers = self._scope["headers"]
        if not any((name, value.lower()) == _EXPECTED for name, value in headers):
            self._may_send_body.set()
        await self._upstream.send(_head(self._scope))
        await self._may_send_body.wait()
        is_chunked = any(name == b"transfer-encoding" for name, _ in headers)
        while (message := await self._receive())["type"] == "http.request":
            body, self._is_sent = message["body"], not message["more_body"]
            await self._upstream.send(_chunk(body, self._is_sent) if is_chunked else body)
        self._is_left = True
        self._upstream.close()

    async def send_reply(self) -> None:
        is_head, closes, has_begun = self._scope["method"] == "HEAD", False, False
        try:
            async for message in self._upstream.replies():
                if isinstance(message, bytes):
                    await self._send({"type": "http.response.body", "body": message, "more_body": True})
                    continue
                status, headers = message
                if status < 200:
                    self._may_send_body.set()
                    continue
                has_begun, closes = True, any(name == b"connection" for name, _ in headers)
                await self._send({"type": "http.response.start", "status": status, "headers": _kept(headers)})
                if is_head:  # whose headers tell of a body that does not come
                    break
        except (Broken, ConnectionError):
            if not (self._is_left or has_begun):
                await _say_lost(self._send)
            return  # a reply that has begun ends where the server ended it
        if closes:  # the server may want to hear the rest of the request before
            await self._upstream.wait_for_end()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        self._upstream.is_clean = self._is_sent and not is_head and not closes


def _head(scope: Any) -> bytes:
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    lines = [b"%s %s%s HTTP/1.1" % (scope["method"].encode(), scope["raw_path"], query)]
    lines += [b"%s: %s" % header for header in scope["headers"] if header[0] not in _NOT_PASSED_ON]
    lines += [b"%s: %s" % (PEER.encode(), scope["client"][0].encode())] if scope["client"] else []
    return b"\r\n".join([*lines, b"", b""])


def _chunk(body: bytes, is_last: bool) -> bytes:
    parts = [b"%x\r\n%s\r\n" % (len(body), body)] if body else []
    return b"".join([*parts, b"0\r\n\r\n"] if is_last else parts)


def _kept(headers: Headers) -> Headers:
    return [header for header in headers if header[0] not in _WRITTEN_ANEW]


async def _say_lost(send: Any) -> None:
    headers = [(b"content-length", b"%d" % len(_LOST)), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": _LOST, "more_body": False})
