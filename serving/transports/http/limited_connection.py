"""Uvicorn's HTTP/1.1 with the limits that it lacks: of heads, pieces, connections and patience.

Rule: whatever bytes come, what is refused is told why, in JSON, and what came before it is answered.
"""

import asyncio
from http import HTTPStatus
from typing import Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from serving.transports.http.exchange import ReadsOn
from serving.transports.http.one_write import OneWrite
from serving.transports.http.refusal import Refused, refusal
from serving.transports.http.watch import ConnectionLimits, Progress, Watch

_LONGEST_HEAD = 64 * 1024  # bytes; no header of the protocol comes near it
_MOST_HEADERS = 256
_MOST_PIECES, _LEAST_PIECE = 64 * 1024, 256
"""Of a body: so many may be of any size, more must have so many bytes on average, since each costs time."""

_HEALTH = (b"/v2/health/live", b"/v2/health/ready")
_SURPLUS, _PATIENCE, _LINGERING = 64, 1.0, 0.2
"""Connections too many, each of which has so many seconds to ask how the server is, which is answered, or else is told
that there are too many; others are dropped. For how many more seconds is read what would else reset it."""


class LimitedConnection(HttpToolsProtocol):
    def __init__(self, *arguments: Any, limits: ConnectionLimits, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits = limits
        self._before: RequestResponseCycle | None = None  # whose reply comes before that of `cycle`
        self._held = b""  # the begin of a request that is not parsed yet
        self._is_between = True  # requests, as the parser sees it
        self._is_in_head = False
        self._is_surplus = False  # one connection too many
        self._is_over = False  # nothing that comes is read any more
        self._unread = 0  # bytes since the parser last had something to say
        self._number = self._pieces = self._received = 0  # of the present request, of its body, and in bytes of all
        self._sender = Watch(self.loop, limits, self._sent, self._sends_too_slowly)
        self._reader = Watch(self.loop, limits, self._read, lambda _: self.transport.abort())

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._out = OneWrite(transport, self.loop)
        super().connection_made(self._out)  # type: ignore[arg-type]
        self.flow = ReadsOn(self._out, self.pipeline)
        surplus = len(self.connections) - self._limits.most
        if surplus > _SURPLUS:
            self._is_over = True
            self.transport.abort()
        elif surplus > 0:
            self._is_surplus = True
            self.loop.call_later(_PATIENCE, self._turn_away)
        else:
            self.await_next(self.timeout_keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        self._sender.end()
        self._reader.end()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def parse(self, data: bytes) -> None:
        try:
            while data:  # more than once where it offers to upgrade
                self._unread += len(data)
                self._received += len(data)
                data = self._fed(data)
        except httptools.HttpParserError as error:
            refused = error.__context__
            if isinstance(refused, Refused):
                self._refuse(refused.status, str(refused))
            else:
                self._refuse(HTTPStatus.BAD_REQUEST, f"what came is not HTTP/1.1: {error}")
            return
        if self._unread > _LONGEST_HEAD and not self._is_over:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"the request's path and headers are larger than the server accepts, {_LONGEST_HEAD} bytes",
            )
        elif not self._is_between:
            self._sender.begin()

    def hold(self, data: bytes) -> None:
        self._held = data
        self._number += 1
        self._sender.begin()

    def on_message_begin(self) -> None:
        self._is_between, self._is_in_head = False, True
        self._number += 1
        self._pieces = self._received = 0
        super().on_message_begin()

    def head_came(self) -> None:
        self._unread, self._is_in_head = 0, False
        if self._is_surplus and self.url.partition(b"?")[0] not in _HEALTH:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, self._too_many())
        if len(self.headers) > _MOST_HEADERS:
            raise Refused(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                f"the request has {len(self.headers)} headers, the server accepts {_MOST_HEADERS}",
            )

    def piece_came(self) -> None:
        self._unread = 0
        self._pieces += 1
        if self._pieces > _MOST_PIECES and self._received < self._pieces * _LEAST_PIECE:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the request's body comes in more than {_MOST_PIECES} pieces of less than {_LEAST_PIECE} bytes",
            )

    def await_next(self, seconds: float) -> None:
        """Request."""
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        if self.transport.get_write_buffer_size():  # of a reply that was not read to its end
            self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reader.begin()

    def _fed(self, data: bytes) -> bytes:
        """What the parser has to be given next."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return self._without_upgrade(data[upgrade.args[0] :])
        return b""

    def _without_upgrade(self, rest: bytes) -> bytes:
        """An offer to speak another protocol may be passed over (RFC 9110, 7.8); its parser drops the body with it."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "this is no proxy")
            return b""
        lines = [b"%s %s HTTP/%s" % (method, self.url, self.parser.get_http_version().encode())]
        lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.on_other_parser()
        return b"\r\n".join([*lines, b"", rest])

    def on_other_parser(self) -> None:
        """What it reads is not what came."""

    def _sent(self) -> Progress | None:
        """Of the request that has begun. One that waits for the server to read on is no sender's fault."""
        if self._is_over or (self._is_between and not self._held):
            return None
        number = -1 if self.flow.read_paused else self._number
        return Progress(number, not self._is_in_head, self._received)

    def _sends_too_slowly(self, now: Progress) -> None:
        what, seconds = ("body", self._limits.body_timeout) if now.is_body else ("headers", self._limits.header_timeout)
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"the request's {what} did not come in {seconds:g} s")

    def _read(self) -> Progress | None:
        """Of the replies that wait to be read by the other side."""
        return Progress(0, True, -self.transport.get_write_buffer_size()) if self.flow.write_paused else None

    def _turn_away(self) -> None:
        """One that has not asked in time."""
        if self.cycle is None and not self._is_over and not self.transport.is_closing():
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, self._too_many())

    def _too_many(self) -> str:
        return f"the server has {self._limits.most:g} connections, its limit; it is set with --max-connections"

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """And close the connection, after the reply to a request that had come as a whole."""
        self._is_over = True
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            cycle.keep_alive = False
            return
        if self._before is not None and not self._before.response_complete:
            self.pipeline.popleft()  # the one that is refused
            self._before.keep_alive = False
            return
        if cycle is not None and not cycle.response_complete and cycle.response_started:
            self.transport.abort()  # in the middle of its reply
            return
        self._out.write_now([refusal(status, message)])
        if not self._is_surplus:
            self.transport.close()
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGERING, self.transport.close)
