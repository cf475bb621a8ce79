"""The responses of one request to a decoupled model, on their way from a worker's thread to the event loop.

Rule: a caller that reads slowly makes its model wait, and one that went away does not.
"""

import asyncio
import threading

from serving.core.requests import Arrays
from serving.errors import DeadlineExceeded

_UNREAD = 256
"""Responses that a model may be ahead of its caller."""

_PATIENCE = 60.0
"""Seconds that a model waits for a caller who does not read."""

_RECHECK = 0.05  # seconds between looks at whether the caller is still there, while the model waits for it


class ResponseStream:
    """Made and iterated on the event loop; `emit` belongs to one worker's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._unread: asyncio.Queue[Arrays | None] = asyncio.Queue()
        self._room = threading.Semaphore(_UNREAD)
        self.cancelled = False
        """Whether nobody reads any more; may be read from any thread."""

    def emit(self, outputs: Arrays) -> None:
        """Blocks while `_UNREAD` responses wait to be read; raises `DeadlineExceeded` when that takes too long."""
        for _ in range(round(_PATIENCE / _RECHECK)):
            if self.cancelled:
                return
            if self._room.acquire(timeout=_RECHECK):
                self._loop.call_soon_threadsafe(self._unread.put_nowait, outputs)
                return
        raise DeadlineExceeded(f"the caller did not read its responses for {_PATIENCE:.0f} s")

    def end(self) -> None:
        """No more will come; on the event loop."""
        self._unread.put_nowait(None)

    async def next(self) -> Arrays | None:
        """The next response, or None after the last."""
        outputs = await self._unread.get()
        self._room.release()
        return outputs
