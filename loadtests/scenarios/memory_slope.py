"""How fast a server's memory grows. Rule: a slope comes with how sure it is.

The first quarter does not count, since a server that was just started fills its pools.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_SETTLING = 0.25
_FEWEST = 8  # samples
_DEVIATIONS = 2.0  # standard errors to either side: 95 %
_HOUR, _MB = 3600.0, 1e6


@dataclass(frozen=True, slots=True)
class Slope:
    """MB an hour, and how far from that it may be."""

    slope: float
    uncertainty: float


def slope(samples: Sequence[tuple[float, float]]) -> Slope | None:
    """Of seconds and bytes, by least squares; None of too few."""
    if not samples:
        return None
    first = samples[0][0] + _SETTLING * (samples[-1][0] - samples[0][0])
    times, sizes = np.array([sample for sample in samples if sample[0] >= first]).T
    if len(times) < _FEWEST:
        return None
    hours, megabytes = (times - times.mean()) / _HOUR, sizes / _MB
    spread = float((hours**2).sum())
    steepness = float((hours * (megabytes - megabytes.mean())).sum()) / spread
    left = megabytes - megabytes.mean() - steepness * hours
    deviation = float(np.sqrt((left**2).sum() / (len(times) - 2) / spread))
    return Slope(steepness, _DEVIATIONS * deviation)
