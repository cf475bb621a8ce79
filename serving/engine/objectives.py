"""What became of the requests that had to be answered by a moment.

Rule: counted by the server's clock, from when a request was read until its answer is there; requests without a deadline
count nowhere.
"""

from collections.abc import Iterable
from enum import StrEnum
from math import inf

from serving.errors import DeadlineExceeded


class Fate(StrEnum):
    """Refused as it arrived; dropped after it waited, or given up by its caller when its time was over."""

    IN_TIME = "in_time"
    LATE = "late"
    REFUSED = "refused"
    DROPPED = "dropped"


class Objectives:
    """Moments are in seconds of one clock; infinity stands for no deadline."""

    def __init__(self) -> None:
        self.counts = dict.fromkeys(Fate, 0)

    def __repr__(self) -> str:
        return f"<Objectives {', '.join(f'{count} {fate}' for fate, count in self.counts.items())}>"

    def answered(self, promised: Iterable[float], now: float) -> None:
        for moment in promised:
            if moment < inf:
                self.counts[Fate.IN_TIME if now <= moment else Fate.LATE] += 1

    def refused(self, promised: float) -> None:
        self._count(Fate.REFUSED, promised)

    def failed(self, promised: float, error: Exception) -> None:
        """Dropped, where it was over time."""
        if isinstance(error, DeadlineExceeded):
            self._count(Fate.DROPPED, promised)

    def given_up(self, promised: float, now: float) -> None:
        if promised <= now:
            self._count(Fate.DROPPED, promised)

    def _count(self, fate: Fate, promised: float) -> None:
        self.counts[fate] += promised < inf
