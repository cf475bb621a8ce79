"""Sends requests at the times at which they are meant to leave, over as many connections as that takes.

Rule: no request waits for another's answer; how late each left is told with its answer.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import numpy as np

from loadtests.benchmarks.arrivals import MAX_SLIP
from loadtests.benchmarks.callers import Answer, decoded_reply
from loadtests.call import Call

_AT_FIRST = 512  # connections
_NO_REPLY = (0, b"")


@dataclass(frozen=True, slots=True)
class Sent:
    """`answer.planned` counts from the start of the run; `slip` is how much later the request left. Seconds."""

    answer: Answer
    slip: float


Tell = Callable[[int, bytes], None]
"""Gets status and body; the status is 0 where none came."""


class Line(asyncio.Protocol):
    """A connection that carries one request at a time, and is in `free` meanwhile."""

    def __init__(self, free: "list[Line]") -> None:
        self._free = free
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._tell: Tell | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass

    def ask(self, request: bytes, tell: Tell) -> None:
        assert self._transport is not None
        self._tell = tell
        if self._transport.is_closing():
            self._answer(*_NO_REPLY)
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        decoded = decoded_reply(self._received)
        if decoded is not None and self._tell is not None:
            self._received = b""
            self._free.append(self)
            self._answer(*decoded)

    def connection_lost(self, _: Exception | None) -> None:
        if self in self._free:
            self._free.remove(self)
        self._answer(*_NO_REPLY)

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def _answer(self, status: int, body: bytes) -> None:
        tell, self._tell = self._tell, None
        if tell is not None:
            tell(status, body)


class _Run:
    """What became of each request that left, until that is known of all."""

    def __init__(self, count: int) -> None:
        self.start = time.perf_counter()
        self.sent: list[Sent | None] = [None] * count
        self._left = count
        self.is_over = asyncio.Event()

    def note(self, number: int, offset: float, slip: float, status: int, body: bytes) -> None:
        latency = time.perf_counter() - self.start - offset
        self.sent[number] = Sent(Answer(offset, latency, status, body), slip)
        self._left -= 1
        if not self._left:
            self.is_over.set()


async def send(port: int, departures: Sequence[tuple[float, Call]]) -> list[Sent]:
    """What became of each, in order, when all are answered. Raises `OSError` where there is no server."""
    if not departures:
        return []
    free: list[Line] = []
    free += await asyncio.gather(*(_connected(port, free) for _ in range(min(_AT_FIRST, len(departures)))))
    requests = [(offset, call.encoded()) for offset, call in departures]
    run = _Run(len(requests))
    async with asyncio.TaskGroup() as group:  # of those that need another connection
        for number, (offset, request) in enumerate(requests):
            # The first of a burst leave at once, not when all of them are ready.
            if (early := run.start + offset - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            tell = partial(run.note, number, offset, time.perf_counter() - run.start - offset)
            if free:
                free.pop().ask(request, tell)
            else:
                group.create_task(_ask_over_another(port, free, request, tell))
        await run.is_over.wait()
    for line in list(free):
        line.close()
    return [each for each in run.sent if each is not None]


def slipped(sent: Sequence[Sent]) -> bool:
    """Whether so many left late that the run says nothing about the server."""
    return bool(sent) and float(np.percentile([each.slip for each in sent], 99)) > MAX_SLIP


async def _ask_over_another(port: int, free: list[Line], request: bytes, tell: Tell) -> None:
    try:
        line = await _connected(port, free)
    except OSError:
        tell(*_NO_REPLY)
    else:
        line.ask(request, tell)


async def _connected(port: int, free: list[Line]) -> Line:
    _, line = await asyncio.get_running_loop().create_connection(lambda: Line(free), "127.0.0.1", port)
    return line
