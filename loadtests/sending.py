"""Requests that leave when a load says so.

Rule: a request counts from when it was meant to leave, and a request that can't leave is told too.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from math import inf

from loadtests.call import Call
from loadtests.clients.client import Client, Reply
from loadtests.collecting import Collecting
from loadtests.departure_timer import alarm
from loadtests.load import Closed, Load, Open, Phased, Replay, departures, shared
from loadtests.outcomes import NOT_SENT

_EARLY = 50e-6  # seconds; an alarm takes that long to be heard


@dataclass(frozen=True, slots=True)
class Share:
    """What one of several senders sends: every `of`-th request from the `index`-th on.

    `start` is by the monotonic clock, which all processes of a machine share; the load lasts `seconds` from then, or
    until `most` requests of all senders have left.
    """

    calls: Sequence[Call]
    load: Load
    start: float
    seconds: float
    seed: int
    index: int = 0
    of: int = 1
    most_at_once: int = 10_000
    most: float = inf


class Sender:
    """`send` ends when the last answer has come. For one event loop."""

    def __init__(self, share: Share, client: Client, outcomes: Collecting) -> None:
        self._share = share
        self._client = client
        self._outcomes = outcomes
        self._stopped = False
        self.due = 0
        """How many requests so far, whatever became of them."""
        self._under_way = 0
        self._departures: _Departures | None = None

    def stop(self) -> None:
        """Sends no more; what is under way goes on."""
        self._stopped = True
        if self._departures is not None:
            self._departures.end()

    async def send(self) -> None:
        if isinstance(self._share.load, Closed):
            await self._send_closed(self._share.load.concurrency)
        else:
            await self._send_open(self._share.load)

    async def _send_closed(self, concurrency: int) -> None:
        own = range(self._share.index, concurrency, self._share.of)
        await asyncio.gather(*(self._caller(number, concurrency) for number in own))

    async def _caller(self, number: int, step: int) -> None:
        await asyncio.sleep(self._share.start - time.monotonic())
        end = self._share.start + self._share.seconds
        while number < self._share.most and not self._stopped and (now := time.monotonic()) < end:
            self.due += 1
            await self._one(number, now - self._share.start)
            number += step

    async def _send_open(self, load: Open | Replay | Phased) -> None:
        every = shared(departures(load, self._share.seconds, self._share.seed), self._share.index, self._share.of)
        times = takewhile(lambda departure: departure[0] < self._share.most, every)
        async with asyncio.TaskGroup() as tasks:
            depart = partial(self._depart, tasks)
            self._departures = _Departures(asyncio.get_running_loop(), times, self._share.start, depart)
            await self._departures.over()

    def _depart(self, tasks: asyncio.TaskGroup, number: int, intended: float) -> None:
        self.due += 1
        if self._under_way < self._share.most_at_once:
            self._under_way += 1
            tasks.create_task(self._one(number, intended)).add_done_callback(self._came_back)
            return
        now = time.monotonic()
        unsent = Reply(NOT_SENT, message=f"{self._share.most_at_once} requests were already under way")
        self._outcomes.note(number, intended, now, now, unsent, self._share.start)

    async def _one(self, number: int, intended: float) -> None:
        left = time.monotonic()
        reply = await self._client.send(self._share.calls[number % len(self._share.calls)])
        self._outcomes.note(number, intended, left, time.monotonic(), reply, self._share.start)

    def _came_back(self, _: asyncio.Task[None]) -> None:
        self._under_way -= 1


class _Departures:
    """Calls `depart` at each of `times`, which are in seconds after `start`, with its number and time."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        times: Iterator[tuple[int, float]],
        start: float,
        depart: Callable[[int, float], None],
    ) -> None:
        self._times = times
        self._start = start
        self._depart = depart
        self._over = loop.create_future()
        self._alarm = alarm(loop, self._rung)
        self._next = next(times, None)

    async def over(self) -> None:
        self._rung()
        try:
            await self._over
        finally:
            self._alarm.close()

    def end(self) -> None:
        """There are no more."""
        self._next = None
        self._rung()

    def _rung(self) -> None:
        while self._next is not None:
            number, due = self._next
            if self._start + due - _EARLY > time.monotonic():
                self._alarm.set(self._start + due - _EARLY)
                return
            self._next = next(self._times, None)
            self._depart(number, due)
        if not self._over.done():
            self._over.set_result(None)
