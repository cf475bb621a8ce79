"""What is usual: a value that most of those that were seen lately did not exceed.

Rule: pure and of constant size; it is looked at again after every few values, since sorting costs more than they do.
"""

from collections import deque
from math import ceil

_RECENT = 128
_EVERY = 8


class Usual:
    """0 until a few were seen."""

    def __init__(self, share: float) -> None:
        """Of the recent values, which are at most `value`."""
        self._share = share
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._since = 0
        self.value = 0.0

    def __repr__(self) -> str:
        return f"<Usual {self._share:.0%} of {len(self)} are at most {self.value:.3g}>"

    def __len__(self) -> int:
        return len(self._recent)

    def note(self, value: float) -> None:
        self._recent.append(value)
        self._since += 1
        if self._since >= _EVERY:
            self._since = 0
            ranked = sorted(self._recent)
            self.value = ranked[ceil(self._share * len(ranked)) - 1]
