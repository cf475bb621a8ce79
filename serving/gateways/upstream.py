"""A gateway's connections to the server's own HTTP: made when they are needed, kept for whoever comes next.

Rule: nobody else can connect there: it has no address, the engine's process is handed the other end of a socket pair.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httptools

_LARGEST_READ = 256 * 1024  # bytes
_MOST_IDLE = 256  # connections

Headers = Sequence[tuple[bytes, bytes]]


class Broken(Exception):
    """The connection ended before the reply did."""


class Upstream:
    """One connection; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.is_clean = True
        """Whether another request may follow."""

    @property
    def is_open(self) -> bool:
        return self.is_clean and not self._reader.at_eof() and not self._writer.is_closing()

    async def send(self, data: bytes) -> None:
        """Waits while too much is on its way."""
        if not self._writer.is_closing():
            self._writer.write(data)
            await self._writer.drain()

    async def replies(self) -> "AsyncIterator[Message]":
        """What comes of one reply, and of interim ones before it. Raises `Broken`."""
        found = _Found()
        parser = httptools.HttpResponseParser(found)
        found.parser = parser
        while not found.is_over:
            data = await self._reader.read(_LARGEST_READ)
            if not data:
                raise Broken
            parser.feed_data(data)
            for message in found.messages:
                yield message
            found.messages.clear()

    async def wait_for_end(self) -> None:
        """Of the connection, by the other side."""
        while await self._reader.read(_LARGEST_READ):
            pass

    def close(self) -> None:
        self._writer.transport.abort()


Message = tuple[int, Headers] | bytes
"""A reply's status and headers, or a part of its body."""


class _Found:
    """What a parser tells."""

    parser: Any

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.is_over = False
        self._headers: list[tuple[bytes, bytes]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.messages.append((self.parser.get_status_code(), self._headers))
        self._headers = []

    def on_body(self, body: bytes) -> None:
        self.messages.append(body)

    def on_message_complete(self) -> None:
        self.is_over = self.parser.get_status_code() >= 200


class Upstreams:
    def __init__(self, control: socket.socket) -> None:
        """`control` is where the other ends of socket pairs are sent to; it may block, and is not owned."""
        self._control = control
        self._idle: list[Upstream] = []

    async def take(self) -> Upstream:
        while self._idle:
            upstream = self._idle.pop()
            if upstream.is_open:
                return upstream
            upstream.close()
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [b"+"], [theirs.fileno()])
        ours.setblocking(False)
        return Upstream(*await asyncio.open_unix_connection(sock=ours))

    def give_back(self, upstream: Upstream) -> None:
        if upstream.is_open and len(self._idle) < _MOST_IDLE:
            self._idle.append(upstream)
        else:
            upstream.close()
