"""Tests one after another, each at the rate that those before suggest: the highest that holds an objective, or a curve.

Rule: every run is kept; what is concluded names the run that shows it.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from loadtests.capacity import PRECISION, Trial, bracket, confirmations, next_rate
from loadtests.conclusions import capacity_found, curve_found, held, hopeless, in_words, tightest
from loadtests.knee import rates, saturated
from loadtests.load import Closed, Open
from loadtests.objective import Objective
from loadtests.outcomes import Fate
from loadtests.result import Ending, Result
from loadtests.result_file import Document
from loadtests.run import Plan, Progress, Target, run

_FEWEST = 5  # requests of a try
_LONGER = 3.0

Tell = Callable[[Result, str], None]
"""Is told each run when it is over, with what was seen in it."""
Watcher = Callable[[Plan], Callable[[Progress], bool]]
"""What watches a run that is about to begin; see `run.Watch`."""


class _CutShort(Exception):
    """Ctrl-C, or the server is gone: there is nothing more to find."""


@dataclass(frozen=True, slots=True)
class Search:
    """`plan` has the seconds and processes of each trial; its load is replaced."""

    target: Target
    plan: Plan
    objectives: tuple[Objective, ...]
    tell: Tell
    watcher: Watcher
    first: float | None = None
    precision: float = PRECISION

    def capacity(self) -> Document:
        """Poisson arrivals, as in MLPerf's Server scenario; the rate that is found is confirmed by a longer run.

        Without a decision where it was cut short.
        """
        runs: list[Result] = []
        with suppress(_CutShort):
            return self._capacity(runs)
        return Document(tuple(runs))

    def _capacity(self, runs: list[Result]) -> Document:
        trials: list[Trial] = []
        first = self.first or self._guess(runs)
        while (rate := next_rate(trials, first, self.precision, _FEWEST / self.plan.seconds)) is not None:
            self._judge(rate, self.plan.seconds, runs)
            trials.append(Trial(rate, held(runs[-1], self.objectives), not runs[-1].invalid))
        low, _ = bracket(trials)
        confirmed = self._confirmed(low, runs) if low else None
        return Document(tuple(runs), capacity_found(runs, self.objectives, confirmed, trials))

    def curve(self, likely: float | None = None) -> Document:
        """From a tenth of what the server can do, likely, to more than it can, without a decision where it was cut
        short."""
        runs: list[Result] = []
        with suppress(_CutShort):
            for rate in rates(likely or 2 * self._guess(runs)):
                self._try(rate, self.plan.seconds, runs)
                if saturated(runs[-1]):
                    break
            return Document(tuple(runs), curve_found(runs, self.objectives))
        return Document(tuple(runs))

    def _guess(self, runs: list[Result]) -> float:
        """Half of what four callers who wait for their answers are answered."""
        plan = replace(self.plan, load=Closed(4), seconds=min(2.0, self.plan.seconds), objective=None)
        guess = run(self.target, plan, self.watcher(plan))
        self.tell(guess, f"four callers are answered {guess.answered:.4g} times a second")
        _check(guess, runs)
        return max(0.1, guess.answered / 2)

    def _judge(self, rate: float, seconds: float, runs: list[Result]) -> None:
        """Until its objectives can't be held any more."""
        self._try(rate, seconds, runs, lambda progress: hopeless(progress, rate, self.objectives))

    def _try(
        self, rate: float, seconds: float, runs: list[Result], is_over: Callable[[Progress], bool] = lambda _: False
    ) -> None:
        plan = replace(self.plan, load=Open(rate), seconds=seconds, objective=tightest(self.objectives))
        watch = self.watcher(plan)
        result = run(self.target, plan, lambda progress: watch(progress) or is_over(progress))
        self.tell(result, ", ".join(in_words(result, self.objectives)))
        _check(result, runs)
        runs.append(result)

    def _confirmed(self, rate: float, runs: list[Result]) -> Result | None:
        for lower in confirmations(rate):
            self._judge(lower, _LONGER * self.plan.seconds, runs)
            if held(runs[-1], self.objectives):
                return runs[-1]
        return None


def _check(result: Result, runs: list[Result]) -> None:
    """Raises `_CutShort`, with the result as the last of the runs."""
    if result.ended in (Ending.INTERRUPTED, Ending.GONE) or set(result.fates) == {Fate.LOST}:
        runs.append(result)
        raise _CutShort
