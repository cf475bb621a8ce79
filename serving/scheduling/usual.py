"""What is usual: a value that most of those that were seen lately did not exceed.

Rule: pure and of constant size; it is looked at again after every few values, since sorting costs more than they do.
"""

from collections import deque
from collections.abc import Callable, Sequence
from math import ceil

_RECENT = 128
_EVERY = 8
_LATE = 3.0
"""What exceeds what was planned costs as much as so many that were refused: it held others up, and came to nothing."""
_LEAST, _MOST = 0.9, 0.99
"""Shares of the recent values between which `worth_planning_for` chooses."""


class Usual:
    """0 until a few were seen."""

    def __init__(self, chosen: Callable[[Sequence[float]], float]) -> None:
        """`chosen` gives the usual one of values in ascending order."""
        self._chosen = chosen
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._since = 0
        self.value = 0.0

    def __repr__(self) -> str:
        return f"<Usual {self.value:.3g} of {len(self)}>"

    def __len__(self) -> int:
        return len(self._recent)

    def note(self, value: float) -> None:
        self._recent.append(value)
        self._since += 1
        if self._since >= _EVERY:
            self._since = 0
            self.value = self._chosen(sorted(self._recent))


def of_share(share: float) -> Callable[[Sequence[float]], float]:
    """So much of all is at most the value."""
    return lambda ranked: ranked[ceil(share * len(ranked)) - 1]


def worth_planning_for(ranked: Sequence[float]) -> float:
    """What to multiply expected times by, if real ones were so many times the expected: then the most is in time for
    each second that is planned. So noise is planned for, and a stall that comes now and then is not."""
    count = len(ranked)
    places = range(ceil(_LEAST * count) - 1, ceil(_MOST * count))
    return ranked[max(places, key=lambda place: _worth((place + 1) / count, ranked[place]))]


def _worth(share: float, value: float) -> float:
    return (1 - _LATE * (1 - share)) / max(value, 1.0)
