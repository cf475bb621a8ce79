"""How late the event loop is at what it should do: everything that it answers waits as long.

Rule: the loop's own thread measures, and what it measures with costs nothing that could be seen.
"""

import asyncio
import time

from serving.engine.statistics import Histogram

_EVERY = 0.1  # seconds
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class LoopDelay:
    """Belongs to the event loop's thread, on which it is made."""

    def __init__(self) -> None:
        self.seconds = Histogram(_BOUNDS)
        self._loop = asyncio.get_running_loop()
        self._await_next()

    def stop(self) -> None:
        self._next.cancel()

    def _await_next(self) -> None:
        self._due = time.monotonic() + _EVERY
        self._next = self._loop.call_later(_EVERY, self._look)

    def _look(self) -> None:
        self.seconds.observe(max(0.0, time.monotonic() - self._due))
        self._await_next()
