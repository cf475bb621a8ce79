"""Who waits for an instance learns in time that it was too long, also behind a model that hangs.

Rule: one timer for all who wait, and none while nobody has a limit; a model that is unloaded is not kept by it.
"""

import asyncio
import time
from math import inf
from typing import Any
from weakref import ref

from serving.engine.worker import WorkerPool

_LONGEST_WAIT = 3600.0  # seconds; loops can't count to what a request may ask for


class Expiry:
    """Belongs to the event loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, pool: WorkerPool[Any]) -> None:
        """`pool` counts in seconds of `time.monotonic`."""
        self._loop = loop
        self._pool = ref(pool)
        self._timer: asyncio.TimerHandle | None = None
        self._at = inf

    def watch(self, at: float) -> None:
        """Somebody waits until then."""
        if at >= self._at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._at = at
        self._timer = self._loop.call_later(min(max(0.0, at - time.monotonic()), _LONGEST_WAIT), self._look)

    def _look(self) -> None:
        self._at, self._timer = inf, None
        if (pool := self._pool()) is not None:
            self.watch(pool.expire())
