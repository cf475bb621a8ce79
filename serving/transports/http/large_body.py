"""A large body's memory, taken once, where its tensors lie as runtimes can use them.

Rule: nothing is copied but what comes from the socket, once.
"""

import numpy as np

_ALIGNMENT = 64  # bytes; what the widest vector instructions like


def aligned(size: int, header_length: int) -> memoryview:
    """So many bytes; what follows `header_length` of them is aligned."""
    start = -header_length % _ALIGNMENT
    memory = np.empty(start + size + _ALIGNMENT, np.uint8)
    start += -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].data


class LargeBody:
    """One of known size, while it comes."""

    __slots__ = ("_end", "_memory")

    def __init__(self, size: int, header_length: int) -> None:
        self._memory = aligned(size, header_length)
        self._end = 0

    def append(self, piece: bytes) -> None:
        end = self._end + len(piece)
        self._memory[self._end : end] = piece
        self._end = end

    def whole(self) -> memoryview:
        return self._memory

    def so_far(self) -> bytes:
        return bytes(self._memory[: self._end])

    def drop(self) -> None:
        self._memory = self._memory[:0]
