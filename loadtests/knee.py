"""Where more load stops being worth it.

Rule: the knee is where throughput divided by latency is highest.
Source: Kleinrock, "Power and deterministic rules of thumb for probabilistic problems in computer
communications" (1979).
"""

from collections.abc import Sequence

from loadtests.result import Result

_KEEPS_UP = 0.95


def knee(runs: Sequence[Result]) -> Result | None:
    """Of runs at different rates, by p99; None where no run was answered."""
    return max((run for run in runs if run.latency.p99), key=lambda run: run.answered / run.latency.p99, default=None)


def saturated(run: Result) -> bool:
    """It answers less than what comes."""
    return run.answered < _KEEPS_UP * run.offered
