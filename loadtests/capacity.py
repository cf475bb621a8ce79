"""The search for the highest rate that holds an objective. Rule: it says which rate to try next, and tries nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

PRECISION = 0.05
"""How far apart, as a share of the lower, the highest rate that held and the lowest that did not may be."""
_HIGHEST = 1e6  # requests a second
_STEPS_DOWN = (0.05, 0.1, 0.2, 0.4)  # shares: where a little less does not hold either, a little was not the matter


@dataclass(frozen=True, slots=True)
class Trial:
    """`valid` is false where requests left late. What held nevertheless held: latency counts from when they should have
    left. What was missed may have been missed by the generator."""

    rate: float
    held: bool
    valid: bool = True


def next_rate(
    trials: Sequence[Trial], first: float, precision: float = PRECISION, lowest: float = 0.05
) -> float | None:
    """None when it is found, or can't be: below `lowest` it is no matter of the rate. What was missed where requests
    left late is tried once more, since whatever kept the generator may be over."""
    if not trials:
        return first
    last = trials[-1]
    if not (last.held or last.valid) and all(trial.rate != last.rate for trial in trials[:-1]):
        return last.rate
    low, high = bracket(trials)
    if high is None:
        return 2 * low if low < _HIGHEST else None
    if not low:
        return high / 2 if high / 2 >= lowest else None
    return None if high <= low * (1 + precision) else (low * high) ** 0.5


def bracket(trials: Sequence[Trial]) -> tuple[float, float | None]:
    """The highest rate that held below all that did not (0: none), and the lowest that did not (None: none)."""
    missed = [trial.rate for trial in _last_of_each(trials) if not trial.held]
    high = min(missed, default=None)
    return max((trial.rate for trial in trials if high is None or trial.rate < high), default=0.0), high


def _last_of_each(trials: Sequence[Trial]) -> list[Trial]:
    return list({trial.rate: trial for trial in trials}.values())


def confirmations(rate: float) -> Iterator[float]:
    """What is tried for longer: the highest that held, and then less, until one holds again."""
    yield rate
    for step in _STEPS_DOWN:
        rate *= 1 - step
        yield rate


def limited_by_generator(trials: Sequence[Trial]) -> bool:
    """Whether the search ended at a rate that the generator, and perhaps not the server, missed."""
    missed = [trial for trial in _last_of_each(trials) if not trial.held]
    return bool(missed) and not min(missed, key=lambda trial: trial.rate).valid
