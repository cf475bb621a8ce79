"""The search for the highest rate that holds an objective. Rule: it says which rate to try next, and tries nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

PRECISION = 0.05
"""How far apart, as a share of the lower, the highest rate that held and the lowest that did not may be."""
_LOWEST = 0.05  # requests a second; an objective that is missed at this rate is not a matter of the rate


@dataclass(frozen=True, slots=True)
class Trial:
    """`valid` is false where the generator, not the server, could do no more."""

    rate: float
    held: bool
    valid: bool = True


def next_rate(trials: Sequence[Trial], first: float, precision: float = PRECISION) -> float | None:
    """None when it is found, or can't be."""
    if not trials:
        return first
    low, high = bracket(trials)
    if high is None:
        return None if not trials[-1].valid else 2 * low
    if not low:
        return None if high / 2 < _LOWEST else high / 2
    return None if high <= low * (1 + precision) else (low * high) ** 0.5


def bracket(trials: Sequence[Trial]) -> tuple[float, float | None]:
    """The highest rate that held below all that did not (0: none), and the lowest that did not (None: none). A rate at
    which the generator could do no more did not hold."""
    missed = [trial.rate for trial in trials if not (trial.held and trial.valid)]
    high = min(missed, default=None)
    return max((trial.rate for trial in trials if high is None or trial.rate < high), default=0.0), high
