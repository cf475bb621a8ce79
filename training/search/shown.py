"""What a person sees while a search runs: a bar of trials, with the best so far, and one of the present trial.

Rule: a line for each trial that has ended; where output is not a terminal there is nothing else.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from training.loop import Step


class Shown:
    def __init__(self, progress: Progress, name: str, total: int) -> None:
        self._progress = progress
        self._trials: TaskID = progress.add_task(name, total=total, best="")
        self._steps: TaskID = progress.add_task("", total=None, best="")

    def begin(self, number: int) -> None:
        self._progress.reset(self._steps, description=f"trial {number}", total=None)

    def step(self, step: Step) -> None:
        self._progress.update(self._steps, completed=step.number, total=step.steps)

    def tell(self, line: str) -> None:
        self._progress.console.print(line, highlight=False, soft_wrap=True, markup=False)

    def count(self, trials: int, best: str) -> None:
        self._progress.update(self._trials, completed=trials, best=best)


@contextmanager
def trials_shown(name: str, total: int, console: Console) -> Iterator[Shown]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[best]}"))
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as progress:
        yield Shown(progress, name, total)
