"""Values of known size, kept until newer ones need their place: the least recently used goes first.

Rule: what is kept is never larger than the bound, not even for a moment.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class LeastRecentlyUsed(Generic[K, V]):
    """`size`, `used` and the sizes of values are in one unit, such as bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.used = 0
        self.evictions = 0
        """Values that went because others needed their place."""
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<LeastRecentlyUsed {len(self)} entries, {self.used} of {self.size}>"

    def __len__(self) -> int:
        return len(self._entries)

    def keys(self) -> list[K]:
        """A copy, the one that goes first first."""
        return list(self._entries)

    def get(self, key: K) -> V | None:
        """Which is a use of it."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: K, value: V, size: int) -> bool:
        """In the place of what `key` had; False where it is larger than the bound, and then not kept."""
        self.discard(key)
        if size > self.size:
            return False
        while self.used + size > self.size:
            _, (_, freed) = self._entries.popitem(last=False)
            self.used -= freed
            self.evictions += 1
        self._entries[key] = value, size
        self.used += size
        return True

    def discard(self, key: K) -> None:
        """No eviction; a key that is not there is no error."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.used -= entry[1]
