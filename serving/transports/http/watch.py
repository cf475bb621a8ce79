"""Whether the other side of a connection keeps up: with sending what it began, with reading what it asked for.

Rule: a timer for a connection that has something to wait for, none for a byte; who is merely slow is given its time,
who moves less than `LEAST_RATE` is not.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

LEAST_RATE = 500
"""Bytes a second that a body or a reply must move, over the whole of its timeout."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """`most` connections at once; their timeouts in seconds, which are how long a request's head may take, and in which
    time a body or a reply must have moved by `LEAST_RATE`."""

    most: float = float("inf")
    header_timeout: float = 10.0
    body_timeout: float = 30.0


DEFAULT_LIMITS = ConnectionLimits()


def in_whole_numbers(limits: ConnectionLimits) -> tuple[int, int, int]:
    """The timeouts in milliseconds."""
    return int(limits.most), round(1000 * limits.header_timeout), round(1000 * limits.body_timeout)


class Progress(NamedTuple):
    """How far the exchange with this number is, its head or else its body, in bytes."""

    of: int
    is_body: bool
    size: int


class Watch:
    """Of one connection, in one direction. Belongs to the event loop's thread."""

    __slots__ = ("_before", "_limits", "_loop", "_progress", "_timer", "_too_slow")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limits: ConnectionLimits,
        progress: Callable[[], Progress | None],
        too_slow: Callable[[Progress], None],
    ) -> None:
        """`progress` is None while nothing is waited for, and the watch is over; `too_slow` is called once."""
        self._loop = loop
        self._limits = limits
        self._progress = progress
        self._too_slow = too_slow
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        if self._timer is None:
            self._await(self._progress())

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _await(self, now: Progress | None) -> None:
        if now is not None:
            self._before = now
            self._timer = self._loop.call_later(_patience(now, self._limits), self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._progress()
        if now is not None and is_too_slow(self._before, now, self._limits):
            self._too_slow(now)
        else:
            self._await(now)


def is_too_slow(before: Progress, now: Progress, limits: ConnectionLimits) -> bool:
    """Between two looks, with the patience of the first between them. What changed since is given its own time."""
    if (now.of, now.is_body) != (before.of, before.is_body):
        return False
    return not now.is_body or now.size - before.size < LEAST_RATE * limits.body_timeout


def _patience(now: Progress, limits: ConnectionLimits) -> float:
    return limits.body_timeout if now.is_body else limits.header_timeout
