"""Requests over HTTP/1.1 or HTTPS.

Rule: as many connections as there are requests at once, and the warmest is taken first.
"""

import asyncio
import errno
from collections.abc import Sequence
from urllib.parse import urlsplit

from loadtests.call import Call, Header
from loadtests.clients.client import Reply
from loadtests.clients.event_times import EventTimes
from loadtests.clients.http_connection import HttpConnection
from loadtests.clients.trust import THE_KNOWN, Trust, ssl_context
from loadtests.outcomes import NO_ANSWER, NOT_SENT, TIMED_OUT

_OWN_LIMITS = (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS)
"""This machine has no more connections to give, which says nothing of the server."""


class HttpClient:
    """For one event loop. What a request consists of is put together once and kept."""

    def __init__(self, url: str, headers: Sequence[Header], timeout: float, trust: Trust = THE_KNOWN) -> None:
        """`timeout` in seconds, for making a connection and for an answer. Raises OSError for certificates that can't
        be read."""
        address = urlsplit(url)
        self._encryption = ssl_context(trust) if address.scheme == "https" else None
        self._host = address.hostname or "localhost"
        self._port = address.port or (443 if self._encryption else 80)
        self._netloc = address.netloc.rpartition("@")[2]
        self._path = address.path.rstrip("/")
        self._headers = tuple(headers)
        self._timeout = timeout
        self._idle: list[HttpConnection] = []
        self._requests: dict[Call, bytes] = {}

    async def send(self, call: Call) -> Reply:
        request = self._requests.get(call)
        if request is None:
            request = self._requests[call] = call.encoded(self._netloc, self._headers, self._path)
        while connection := self._kept():
            reply, begun = await self._ask(connection, request, call)
            if reply.status != NO_ANSWER or begun:
                return reply
            # The server closed it in the moment in which it was used again, as RFC 9112 (9.3.1) has clients expect.
        try:
            connection = await asyncio.wait_for(self._connect(), self._timeout)
        except TimeoutError:
            return Reply(TIMED_OUT, message=f"no connection within {self._timeout:g} s")
        except OSError as error:
            status = NOT_SENT if error.errno in _OWN_LIMITS else NO_ANSWER
            return Reply(status, message=f"no connection: {error.strerror or error}")
        reply, _ = await self._ask(connection, request, call)
        return reply

    async def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    def _kept(self) -> HttpConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    async def _ask(self, connection: HttpConnection, request: bytes, call: Call) -> tuple[Reply, bool]:
        events = EventTimes(call.hang_up_after) if call.stream else None
        answer = await connection.ask(request, self._timeout, events)
        if connection.usable:
            self._idle.append(connection)
        else:
            connection.close()
        return answer

    async def _connect(self) -> HttpConnection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(HttpConnection, self._host, self._port, ssl=self._encryption)
        return connection
