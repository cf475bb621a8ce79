"""Sizes of batches that change seldom, for runtimes that prepare themselves anew whenever the size is another one.

Rule: powers of two, up to the largest batch there is; up at once, and down only after many batches that needed less.
"""

_PATIENCE = 64  # batches in a row


class SteadySizes:
    """Shared by all threads that run the same loaded model; one that overtakes another costs a change at most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._now = 0
        self._needed = 0  # by those in a row that needed less
        self._below = 0  # how many they are

    def size_for(self, rows: int) -> int:
        """How many rows to run instead of so many, which is at least as many."""
        size = max(rows, min(self._most, 1 << (rows - 1).bit_length())) if rows else 0
        if size < self._now and self._below < _PATIENCE:
            self._needed = max(self._needed, size)
            self._below += 1
            return self._now
        self._now = max(size, self._needed) if size < self._now else size
        self._needed = self._below = 0
        return self._now
