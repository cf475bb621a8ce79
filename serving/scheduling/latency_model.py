"""How long a batch will take, learnt from those that ran.

    seconds ~ base + per_row * rows        weighted least squares; the weight of what was seen halves every 45 batches

Rule: pure and of constant size; it says `None` until it has seen something, and never less than it has reason to.
"""

from dataclasses import dataclass, field
from math import inf

from serving.scheduling.usual import Usual, worth_planning_for

_FORGETTING = 0.985
"""Weight of a batch's time against the next one's (recursive least squares with exponential forgetting)."""

_FEW = 8
"""Batches that are too few to say what is unusual."""

_TRUST = 0.003
"""In what was learnt of a row's time, against the spread of sizes that were seen since."""

_MOST_ROWS = 2**31

_MOST_GUARD = 3.0
"""A machine that stalls now and then should not have everything refused; and what takes longer than so many times the
expected, once something is known, moves the line no further."""


@dataclass(slots=True)
class LatencyModel:
    """Of one kind of batch on one kind of instance. That a larger batch than any before took longer than expected, or a
    smaller one less, is no error that the guard counts: it tells of what was not known."""

    _weight: float = 0.0
    _rows: float = 0.0
    _rows2: float = 0.0
    _seconds: float = 0.0
    _rows_seconds: float = 0.0
    _base: float = 0.0
    _per_row: float = 0.0
    _fewest: float = inf
    _most: float = 0.0
    _errors: Usual = field(default_factory=lambda: Usual(worth_planning_for))
    guard: float = 1.0
    """What the expected time is multiplied by, so that most batches take no longer."""

    @property
    def seen(self) -> bool:
        return self._weight > 0

    @property
    def most_rows(self) -> float:
        """Of the batches that were seen."""
        return self._most

    def observe(self, rows: int, seconds: float) -> None:
        """A batch of so many rows took so long."""
        if self._fewest <= rows <= self._most:
            ratio = seconds / max(self.expected(rows), 1e-9)
            self._errors.note(ratio)
            self.guard = min(max(self._errors.value, 1.0), _MOST_GUARD)
            if ratio > _MOST_GUARD and len(self._errors) > _FEW:
                seconds = _MOST_GUARD * self.expected(rows)
        self._fewest, self._most = min(self._fewest, rows), max(self._most, rows)
        keep = _FORGETTING
        self._weight = keep * self._weight + 1
        self._rows = keep * self._rows + rows
        self._rows2 = keep * self._rows2 + rows * rows
        self._seconds = keep * self._seconds + seconds
        self._rows_seconds = keep * self._rows_seconds + rows * seconds
        self._fit()

    def expected(self, rows: int) -> float:
        """In seconds; 0 before anything was seen."""
        return self._base + self._per_row * rows

    def safely(self, rows: int) -> float:
        """What it will take with all that is usual."""
        return self.guard * self.expected(rows)

    def rows_within(self, seconds: float) -> int:
        """The largest batch that is safely done in so many seconds; 0 where none is."""
        left = seconds / self.guard - self._base
        if left < 0:
            return 0
        return int(left / self._per_row) if self._per_row * _MOST_ROWS > left else _MOST_ROWS

    def _fit(self) -> None:
        """Neither part is negative: a larger batch takes no less time, and none takes less than nothing. While all
        batches are of one size, what a row takes is what it was when they were not."""
        mean_rows, mean_seconds = self._rows / self._weight, self._seconds / self._weight
        spread = max(0.0, self._rows2 / self._weight - mean_rows * mean_rows)
        together = self._rows_seconds / self._weight - mean_rows * mean_seconds
        trust = _TRUST * mean_rows * mean_rows
        slope = max(0.0, (together + trust * self._per_row) / (spread + trust))
        if slope * mean_rows > mean_seconds:
            slope = mean_seconds / mean_rows
        self._base, self._per_row = mean_seconds - slope * mean_rows, slope
