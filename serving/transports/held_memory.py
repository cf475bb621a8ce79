"""The memory that requests hold until they are answered, and how much of it there may be.

Rule: asked before it is allocated; a request that is alone is let in, however little there is, or nobody would be.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

from serving.core.requests import Arrays
from serving.errors import OutOfMemory


class HeldMemory:
    """In bytes. Belongs to the event loop's thread."""

    __slots__ = ("_limit", "held", "is_scarce")

    def __init__(self, limit: float = inf) -> None:
        self._limit = limit
        self.held = 0
        self.is_scarce = False
        """Whether the process has hardly any left, whatever is held here."""

    def __repr__(self) -> str:
        return f"<HeldMemory {self.held} of {self._limit:g}{', scarce' * self.is_scarce}>"

    def beside(self) -> "HeldMemory":
        """As much again, so that who fills the one has nobody refused for it in the other."""
        return HeldMemory(self._limit)

    def takes(self, size: int, own: int = 0) -> bool:
        """False, and nothing has happened, where there is no room beside what others hold than who has `own`."""
        if size and self.held > own and (self.held + size > self._limit or self.is_scarce):
            return False
        self.held += size
        return True

    def take(self, size: int, own: int = 0) -> None:
        """Raises `OutOfMemory`."""
        if self.takes(size, own):
            return
        if self.is_scarce:
            raise OutOfMemory(
                "the server has hardly any memory left; it takes no more requests until some are answered"
            )
        raise OutOfMemory(
            f"requests of {self.held} bytes wait for their answers already, and this one has {size}; the server holds "
            f"at most {self._limit:.0f}, its limit is set with --queue-byte-size"
        )

    def give(self, size: int) -> None:
        self.held -= size

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """Raises what `take` does."""
        self.take(size)
        try:
            yield
        finally:
            self.give(size)


def size_of(inputs: Arrays) -> int:
    """In bytes, of a request's tensors; a text's elements have a few more each."""
    return sum(
        sum(map(len, array.flat)) + array.nbytes if array.dtype == object else array.nbytes for array in inputs.values()
    )


class Held:
    """What one request holds."""

    __slots__ = ("_memory", "size")

    def __init__(self, memory: HeldMemory) -> None:
        self._memory = memory
        self.size = 0

    def grow(self, size: int) -> None:
        """Raises what `HeldMemory.take` does."""
        self._memory.take(size, own=self.size)
        self.size += size

    def be(self, size: int) -> None:
        """So much from now on. Raises the same."""
        if size > self.size:
            self.grow(size - self.size)
        elif size < self.size:
            self._memory.give(self.size - size)
            self.size = size

    @contextmanager
    def more(self, size: int) -> Iterator[None]:
        """For a while. Raises the same."""
        self.grow(size)
        try:
            yield
        finally:
            self.size -= size
            self._memory.give(size)

    def end(self) -> None:
        self._memory.give(self.size)
        self.size = 0
