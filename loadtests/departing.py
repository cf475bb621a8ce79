"""Sends requests at the times at which they are meant to leave, over as many connections as that takes.

Rule: no request waits for another's answer; how late each left is told with its answer.
"""

import asyncio
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

import numpy as np

from loadtests.arrivals import MAX_SLIP
from loadtests.callers import Answer, Call, decoded_reply

_AT_FIRST = 128  # connections
_NO_REPLY = (0, b"")


@dataclass(frozen=True, slots=True)
class Sent:
    """`answer.planned` counts from the start of the run; `slip` is how much later the request left. Seconds."""

    answer: Answer
    slip: float


class Line(asyncio.Protocol):
    """A connection that carries one request at a time, and is in `free` meanwhile."""

    def __init__(self, free: "list[Line]") -> None:
        self._free = free
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._reply: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, request: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        """Status and body; the status is 0 where the connection breaks."""
        assert self._transport is not None
        self._reply = asyncio.get_running_loop().create_future()
        if self._transport.is_closing():
            self._reply.set_result(_NO_REPLY)
        self._transport.write(request)
        return self._reply

    def data_received(self, data: bytes) -> None:
        self._received += data
        decoded = decoded_reply(self._received)
        if decoded is not None and self._reply is not None:
            self._received = b""
            self._free.append(self)
            self._reply.set_result(decoded)

    def connection_lost(self, _: Exception | None) -> None:
        if self in self._free:
            self._free.remove(self)
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(_NO_REPLY)

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()


async def send(port: int, departures: Sequence[tuple[float, Call]]) -> list[Sent]:
    """What became of each, in order, when all are answered. Raises `OSError` where there is no server."""
    free: list[Line] = []
    free += await asyncio.gather(*(_connected(port, free) for _ in range(min(_AT_FIRST, len(departures)))))
    requests = [(offset, call.encoded()) for offset, call in departures]
    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        tasks = []
        for offset, request in requests:
            # The first of a burst leave at once, not when all of them are ready.
            if (early := start + offset - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            slip = time.perf_counter() - start - offset
            reply = free.pop().ask(request) if free else _over_another(port, free, request)
            tasks.append(group.create_task(_sent(reply, start, offset, slip)))
    for line in list(free):
        line.close()
    return [task.result() for task in tasks]


def slipped(sent: Sequence[Sent]) -> bool:
    """Whether so many left late that the run says nothing about the server."""
    return bool(sent) and float(np.percentile([each.slip for each in sent], 99)) > MAX_SLIP


async def _sent(reply: Awaitable[tuple[int, bytes]], start: float, offset: float, slip: float) -> Sent:
    status, body = await reply
    return Sent(Answer(offset, time.perf_counter() - start - offset, status, body), slip)


async def _over_another(port: int, free: list[Line], request: bytes) -> tuple[int, bytes]:
    try:
        line = await _connected(port, free)
    except OSError:
        return _NO_REPLY
    return await line.ask(request)


async def _connected(port: int, free: list[Line]) -> Line:
    _, line = await asyncio.get_running_loop().create_connection(lambda: Line(free), "127.0.0.1", port)
    return line
