"""Frames leave together. Rule: what is written in one turn of the event loop is one system call."""

import asyncio
from collections.abc import Sequence

from serving.gateways.frames import Kind, encode


class FrameWriter:
    __slots__ = ("_loop", "_parts", "_transport")

    def __init__(self, transport: asyncio.WriteTransport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes | memoryview] = []

    def write(
        self, kind: Kind, of: int = 0, number: int = 0, text: bytes = b"", body: Sequence[bytes | memoryview] = ()
    ) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts += encode(kind, of, number, text, body)

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if not self._transport.is_closing():
            self._transport.write(b"".join(parts))
