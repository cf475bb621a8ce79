"""A reply's head and body leave in one write. Rule: what is written in one turn of the event loop is sent together.

Uvicorn writes them one by one, which costs a system call and a packet more for every request (docs/experiments.md).
"""

import asyncio
from collections.abc import Sequence
from typing import Any

_WORTH_COPYING = 64 * 1024  # bytes


class OneWrite:
    """All of a transport, but that `write` waits for the end of the loop's turn."""

    __slots__ = ("_loop", "_parts", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def write_now(self, parts: Sequence[bytes | memoryview]) -> None:
        """What waits goes first. Small parts are copied together, which takes less than to send several."""
        if self._parts:
            self._flush()
        if self._transport.is_closing():
            return
        if sum(map(len, parts)) <= _WORTH_COPYING:
            self._transport.write(b"".join(parts))
        else:
            self._transport.writelines(parts)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():  # the caller may have hung up since
            self._transport.writelines(parts)
