"""How far a number that was measured on a few rows can be from what it is on all of them.

Rule: intervals are those that hold the true value 95 times of 100; the same rows always give the same one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np

_Z = 1.959963984540054  # of the normal distribution, 95 % within
_ENDS = (2.5, 97.5)  # percentiles
_SEED = 0
_WIDE = 0.1  # of a share's interval


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float

    def __str__(self) -> str:
        """Of a share."""
        return f"{self.low:.1%} to {self.high:.1%}"


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    hits: int
    of: int

    @property
    def value(self) -> float:
        return self.hits / self.of if self.of else 0.0

    @property
    def interval(self) -> Interval:
        """Wilson's, 1927, which also holds where none or all are hits."""
        if not self.of:
            return Interval(0.0, 1.0)
        n, p = self.of, self.value
        middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        return Interval(max(0.0, middle - half), min(1.0, middle + half))

    def __str__(self) -> str:
        return f"{self.value:.1%}" if self.of else "-"


def too_few(share: float, rows: int) -> str:
    """What is to be said of a score, a share of `rows`, whose interval is wider than ten points; "" of others."""
    if not 0 <= share <= 1 or _width(share, rows) <= _WIDE:
        return ""
    enough = rows
    while _width(share, enough) > _WIDE:
        enough += 10
    within = Share(round(share * rows), rows).interval
    to_within = f"about {enough:,} would tell it to within {_WIDE * 100:.0f} points"
    return f"{rows:,} rows leave it anywhere from {within}; {to_within}"


def _width(share: float, rows: int) -> float:
    interval = Share(round(share * rows), rows).interval
    return interval.high - interval.low


def gap(one: Share, other: Share) -> Interval:
    """Of how much more the share of `one` is: Newcombe's, 1998, of the two shares' own intervals."""
    difference, first, second = one.value - other.value, one.interval, other.interval
    down = sqrt((one.value - first.low) ** 2 + (second.high - other.value) ** 2)
    up = sqrt((first.high - one.value) ** 2 + (other.value - second.low) ** 2)
    return Interval(difference - down, difference + up)


def resampled(score: Callable[[np.ndarray], Mapping[str, float]], rows: int, times: int) -> dict[str, Interval]:
    """Of each number that `score` gives of chosen rows: what they come to where rows are drawn anew, with repetition.
    Those that are the same each time are left out: the rows don't tell how far they vary."""
    chance = np.random.default_rng(_SEED)
    drawn = [score(chance.integers(rows, size=rows)) for _ in range(times)]
    found = {name: Interval(*np.percentile([each[name] for each in drawn], _ENDS).tolist()) for name in drawn[0]}
    return {name: interval for name, interval in found.items() if interval.low < interval.high}


def f1_interval(hits: int, wrong: int) -> Interval:
    """Of a class's F1, where `wrong` rows are of the class or were taken for it, and not both: of the share that hits
    are of all of these, from which F1 follows."""
    share = Share(hits, hits + wrong).interval
    return Interval(*(2 * end / (1 + end) for end in (share.low, share.high)))
