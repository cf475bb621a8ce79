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
    """It answers less than what comes. Answers are counted until the last one has come, for which those of the first
    moment had to be waited for too."""
    last = run.moments[0].maximum / 1e3 if run.moments else 0.0
    return run.answered * (run.seconds + last) < _KEEPS_UP * run.offered * run.seconds
