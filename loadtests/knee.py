"""Where more load stops being worth it.

Rule: the knee is where throughput divided by latency is highest.
Source: Kleinrock, "Power and deterministic rules of thumb for probabilistic problems in computer
communications" (1979).
"""

from collections.abc import Iterator, Sequence

from loadtests.result import Result

_KEEPS_UP = 0.95
_SHARES = tuple(share / 10 for share in (1, 3, 5, 6, 7, 8, 9, 9.5, 10, 11, 12))
_FURTHER = 1.25
_HIGHEST = 1e6  # requests a second


def rates(likely: float) -> Iterator[float]:
    """To be tried one after another until the server can do no more: around what it can do as far as is known, and
    beyond, since a server that batches does far more than a few callers get from it."""
    rate = 0.0
    for share in _SHARES:
        rate = share * likely
        yield rate
    while (rate := _FURTHER * rate) < _HIGHEST:
        yield rate


def knee(runs: Sequence[Result]) -> Result | None:
    """Of runs at different rates, by p99; None where no run was answered."""
    return max((run for run in runs if run.latency.p99), key=lambda run: run.answered / run.latency.p99, default=None)


def saturated(run: Result) -> bool:
    """It answers less than what comes. Answers are counted until the last one has come, for which half of those of the
    first moment had to be waited for too; not all, since in a short run that moment is all there is."""
    last = run.moments[0].p50 / 1e3 if run.moments else 0.0
    return run.answered * (run.seconds + last) < _KEEPS_UP * run.offered * run.seconds
