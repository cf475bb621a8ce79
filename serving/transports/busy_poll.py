"""Looking out for the next request instead of sleeping until it comes, where one caller asks again once it is answered.

Rule: only while nothing is under way, and while it pays: to be woken costs more than the look-out. The name is Linux's
(`SO_BUSY_POLL`).
"""

import asyncio
import time
from collections.abc import Callable
from math import inf

_LOOKS_OUT = 150e-6
"""Seconds. A virtual processor that fell asleep takes about as long to be woken, and so does the caller's."""

_SOON = 250e-6
"""Seconds from an answer to the next request: two wake-ups, and what the caller does."""

_ENOUGH = 8
"""Requests that came soon, one after another, until it pays."""

_AFTER_NONE = -24
"""Where the count of those starts after a look-out that was in vain, so that a caller who is always a little later
costs little."""


class Rhythm:
    """Of the requests that follow an answer. Moments are in seconds of one clock."""

    def __init__(self) -> None:
        self._answered = -inf
        self._came_soon = 0

    def __repr__(self) -> str:
        return f"<Rhythm {self._came_soon} came soon>"

    def asked(self, now: float) -> None:
        """Another one before that is answered comes from somebody else."""
        if now - self._answered > _SOON:
            self._came_soon = min(self._came_soon, 0)
        elif self._came_soon < _ENOUGH:
            self._came_soon += 1
        self._answered = -inf

    def answered(self, now: float) -> None:
        self._answered = now

    def looks_out_until(self) -> float:
        """For the next request; a moment that is over where that would not pay."""
        return self._answered + _LOOKS_OUT if self._came_soon >= _ENOUGH else -inf

    def was_in_vain(self) -> None:
        self._came_soon = _AFTER_NONE


class BusyPoll:
    """Belongs to the event loop's thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rhythm = Rhythm()
        self._looks_out = False
        self._saw_nobody = False  # in a whole turn of the loop since the last request

    def __repr__(self) -> str:
        return f"<BusyPoll {'looks out' if self._looks_out else 'sleeps'}>"

    def asked(self) -> bool:
        """Whether the one who asks is the only one, as far as anybody can tell: who was looked out for, and nobody else
        asked in the loop's last turn."""
        is_lone, self._saw_nobody = self._saw_nobody, False
        self._rhythm.asked(self._clock())
        return is_lone

    def answered(self, loop: asyncio.AbstractEventLoop, is_idle: bool) -> None:
        """`is_idle`: nobody else waits for an answer."""
        self._rhythm.answered(self._clock())
        if is_idle and not self._looks_out and self._rhythm.looks_out_until() > 0:
            self._looks_out = True
            loop.call_soon(self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """A loop that has something to call does not sleep."""
        until = self._rhythm.looks_out_until()
        self._saw_nobody = until > 0
        if self._clock() < until:
            loop.call_soon(self._look, loop)
            return
        self._looks_out = False
        if until > 0:
            self._rhythm.was_in_vain()
