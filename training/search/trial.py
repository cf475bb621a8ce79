"""One trial: a training like any other, up to what is held out.

Rule: a trial never comes to the test rows; it ends with its last step, or where others did better by then.
"""

from collections.abc import Mapping
from typing import Any

import optuna
from rich.console import Console

from training.course import Course
from training.loop import OnStep, Step
from training.run_files import history
from training.runs import Run
from training.task import LESS_IS_BETTER


class Pruned(Exception):
    """Others did better by then."""


class _Ended(Exception):
    """The last step was taken."""


def tried(course: Course, run: Run, trial: optuna.Trial, shown: OnStep) -> Mapping[str, Any]:
    """The point of history that counts: that of the weights which a training would keep. Raises `Pruned`, and what a
    training raises."""
    try:
        course.train(run.folder, Console(quiet=True, force_terminal=False), run.watched(_watch(trial, shown)))
    except _Ended:
        return kept(history(run.folder), course.settings["train"]["keep"])
    raise AssertionError("the last step ends a trial")


def kept(points: tuple[Mapping[str, Any], ...], keep: str) -> Mapping[str, Any]:
    return points[-1] if keep == "last" else min(points, key=lambda point: float(point["loss"]))


def score(loss: float, scores: Mapping[str, float]) -> float:
    """The higher, the better."""
    name = score_name(scores)
    return scores.get(name, -loss)


def score_name(scores: Mapping[str, float]) -> str:
    return next((name for name in scores if name not in LESS_IS_BETTER), "minus loss")


def _watch(trial: optuna.Trial, shown: OnStep) -> OnStep:
    reported = 0

    def watch(step: Step) -> None:
        nonlocal reported
        shown(step)
        if step.number == step.steps:
            raise _Ended
        percent = 100 * step.number // step.steps
        if step.point is None or percent <= reported:
            return
        reported = percent
        trial.report(score(step.point.loss, step.point.scores), percent)
        if trial.should_prune():
            raise Pruned

    return watch
