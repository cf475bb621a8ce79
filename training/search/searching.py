"""A search from its question to its answer, in one process of those that may share it.

Rule: a trial that diverges, or whose sizes make no network, has failed and is told; it is not the end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from training.course import Course, choose
from training.errors import InvalidConfig, TrainingDiverged
from training.group import Group
from training.recipes.recipe import find
from training.run_files import PRUNED, RECORD
from training.runs import Run
from training.search import answer, space, trial
from training.search.folders import folder_for
from training.search.shown import Shown
from training.search.space import Space
from training.search.trials import Asked, Trials, opened
from training.settings import Changes, Value

_SHOWN = 200  # characters of a library's error


@dataclass(frozen=True, slots=True)
class Question:
    """Which values of `space` suit a recipe best, with `changes` to it, on data of the user's own where there is a
    `source`, as a model of that name."""

    recipe: str
    changes: Changes
    name: str
    source: Path | None
    space: Space
    pruner: str

    def course(self, values: Mapping[str, Value]) -> Course:
        """Raises `InvalidConfig`."""
        return choose(self.recipe, {**self.changes, **values}, self.name, self.source)

    def trials(self, runs: Path, fresh: bool) -> Trials:
        """Those of the last search with this question, or of a new one."""
        course = self.course({})
        settings = course.settings
        document = {"settings": settings, "space": space.document(self.space), "pruner": self.pruner}
        folder = folder_for(runs / course.name / "search", document, fresh)
        start = space.starting(self.space, space.known(settings))
        return opened(folder, self.space, start, self.pruner, settings["train"]["seed"])


def question(first: Question, table: Mapping[str, Any]) -> Question:
    """The `first`, which has no space, with that which `table` says; where it is empty, with the recipe's, but for what
    is changed. Raises `InvalidConfig`."""
    parameters, changes = space.known(first.course({}).settings), first.changes
    twice = [name for name in table if name in changes]
    if twice:
        raise InvalidConfig(f"{', '.join(twice)}: searched for and set at once; leave one of both out")
    default = space.default(parameters, _suggested(first.recipe))
    wanted = space.parsed(table, parameters) or {name: it for name, it in default.items() if name not in changes}
    space.check(wanted, first.course)
    return replace(first, space=wanted)


def _suggested(recipe: str) -> Mapping[str, tuple[Value, ...]]:
    return find(recipe).search


def search(asked: Question, trials: Trials, total: int, group: Group, shown: Shown) -> None:
    """Until there are so many trials, of this process and others."""
    while True:
        shown.count(len(trials.told()), _best(trials.best()))
        mine = trials.next(total)
        if mine is None:
            return
        with mine.lock:
            _try(asked, trials, mine, group, shown)


def _try(asked: Question, trials: Trials, mine: Asked, group: Group, shown: Shown) -> None:
    shown.begin(mine.trial.number)
    try:
        course = asked.course(mine.values)
    except InvalidConfig as error:  # of parameters that are allowed each by itself
        trials.fail(mine, str(error))
    else:
        run = Run(mine.folder, course.settings, group, goes_on=(mine.folder / RECORD).exists())
        if not run.goes_on:
            run.begin(course.name, int(mine.folder.name))
        _train(course, run, trials, mine, shown)
    shown.tell(answer.line(trials.study.trials[mine.trial.number], mine.values))


def _train(course: Course, run: Run, trials: Trials, mine: Asked, shown: Shown) -> None:
    try:
        point = trial.tried(course, run, mine.trial, shown.step)
    except trial.Pruned:
        trials.prune(mine)
        run.finish({}, PRUNED)
    except (InvalidConfig, TrainingDiverged, RuntimeError, ValueError) as error:  # torch's own are of the last two
        reason = " ".join(str(error).split())[:_SHOWN]
        trials.fail(mine, reason)
        run.fail(reason)
    else:
        name = trial.score_name(point["scores"])
        reached = trial.score(point["loss"], point["scores"])
        trials.complete(mine, reached, name, point["loss"])
        run.finish({name: reached, "loss": point["loss"]})


def _best(best: FrozenTrial | None) -> str:
    return "" if best is None else f"best {best.value:.4f}, trial {best.number}"
