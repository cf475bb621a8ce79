"""A body whose memory is counted while it comes. Rule: it is given back once, to whoever counts on or to nobody."""

from serving.transports.held_memory import HeldMemory
from serving.transports.http.tensor_request import LargeBody


class CountedBody:
    __slots__ = ("_body", "_memory", "_size", "append")

    def __init__(self, body: LargeBody, size: int, memory: HeldMemory) -> None:
        """`size` bytes of `memory` are taken already."""
        self._body = body
        self._size = size
        self._memory = memory
        self.append = body.append

    def whole(self) -> memoryview:
        self._give()
        return self._body.whole()

    def so_far(self) -> bytes:
        self._give()
        return self._body.so_far()

    def drop(self) -> None:
        self._give()
        self._body.drop()

    def _give(self) -> None:
        size, self._size = self._size, 0
        self._memory.give(size)
