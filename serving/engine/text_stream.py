"""What is written for one request, on its way to whoever reads it.

Rule: belongs to the event loop; a reader who is slow gets more at once, and makes nobody wait.
"""

import asyncio
from typing import NamedTuple

from serving.core.generation import FinishReason, Token


class Delta(NamedTuple):
    """What is new: text that may be shown, and the tokens that were chosen, part of whose text may be held back. The
    last one has a reason, and a stop string or token where that is what ended it."""

    text: str
    tokens: tuple[Token, ...] = ()
    finish_reason: FinishReason | None = None
    stop_reason: int | str | None = None


class TextStream:
    """`completion_tokens` is right when the last delta was read."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._unread: list[Delta] = []
        self._error: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self.completion_tokens = 0
        self.cached_tokens = 0
        """Of the prompt, that were not read again."""
        self.is_over = False
        """Whether its last delta, or an error, was put, or nobody reads it."""

    def put(self, delta: Delta) -> None:
        self._unread.append(delta)
        self.completion_tokens += len(delta.tokens)
        self.is_over = delta.finish_reason is not None
        self._wake()

    def fail(self, error: Exception) -> None:
        """What was put before is read first."""
        self._error, self.is_over = error, True
        self._wake()

    def close(self) -> None:
        """Nobody reads it any more."""
        self.is_over = True

    async def next(self) -> Delta:
        """All that is new. Raises what the request failed with."""
        while not self._unread:
            if self._error is not None:
                raise self._error
            self._reader = self._loop.create_future()
            await self._reader
        unread, self._unread = self._unread, []
        return unread[0] if len(unread) == 1 else _together(unread)

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


def _together(deltas: list[Delta]) -> Delta:
    last = deltas[-1]
    return Delta(
        "".join(delta.text for delta in deltas),
        tuple(token for delta in deltas for token in delta.tokens),
        last.finish_reason,
        last.stop_reason,
    )
