"""A connection's side of HTTP/1.1: uvicorn's, with limits and manners that it lacks.

Rule: whatever bytes come, requests that were accepted are answered, and what is refused is told why, in JSON.
"""

import asyncio
from http import HTTPStatus
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from serving.protocols import json_text
from serving.transports.http.one_write import OneWrite

_LONGEST_HEAD = 64 * 1024  # bytes; no header of the protocol comes near it


class Connection(HttpToolsProtocol):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._unread = 0  # bytes since the parser last had something to say
        self._is_over = False  # nothing that comes is read any more

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(OneWrite(transport, self.loop))  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        if self._is_over:
            return
        self._unset_keepalive_if_required()
        self._unread += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, f"what came is not HTTP/1.1: {error}")
        else:
            if self._unread > _LONGEST_HEAD:
                self._refuse(
                    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                    f"the request's path and headers are larger than the server accepts, {_LONGEST_HEAD} bytes",
                )

    def on_headers_complete(self) -> None:
        self._unread = 0
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """An offer to speak another protocol may be passed over (RFC 9110, 7.8); its parser drops the body with it."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "this is no proxy")
            return
        lines = [b"%s %s HTTP/%s" % (method, self.url, self.parser.get_http_version().encode())]
        lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.data_received(b"\r\n".join([*lines, b"", rest]))

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """And close the connection, after the reply to a request that had come as a whole."""
        self._is_over = True
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            cycle.keep_alive = False
            return
        body = json_text.dumps({"error": message})
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
