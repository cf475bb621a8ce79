"""How late the event loop is at what it should do: everything that it answers waits as long.

Rule: the loop's own thread measures, and what it measures with costs nothing that could be seen.
"""

import asyncio
import logging
import time
from math import inf

from serving.engine.statistics import Histogram

log = logging.getLogger("slipway")

STALL = 2.0
"""Seconds; a loop that is so late stood still."""

_EVERY = 0.1  # seconds
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class LoopDelay:
    """Belongs to the event loop's thread, on which it is made."""

    def __init__(self) -> None:
        self.seconds = Histogram(_BOUNDS)
        self.stalls = 0
        self._loop = asyncio.get_running_loop()
        self._due: float
        self._next: asyncio.TimerHandle
        self._await_next()

    @property
    def late(self) -> float:
        """By how many seconds it is now; may be read from any thread, and is negative where all is well."""
        return time.monotonic() - self._due

    def stop(self) -> None:
        self._next.cancel()
        self._due = inf

    def _await_next(self) -> None:
        self._due = time.monotonic() + _EVERY
        self._next = self._loop.call_later(_EVERY, self._look)

    def _look(self) -> None:
        late = self.late
        self.seconds.observe(max(0.0, late))
        if late >= STALL:
            self.stalls += 1
            log.warning("the event loop goes on; it stood still for %.1f s", late)
        self._await_next()
