"""What a person sees of a training run, a progress bar and a classifier's confusion table, and of files being read.

Rule: where output is not a terminal there are a few plain lines and no escape codes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from training.language.loop import StepMetrics
from training.state import EpochMetrics

_PLAIN_LINES = 5  # of a run whose output is not a terminal


@contextmanager
def epochs_shown(name: str, epochs: int, console: Console) -> Iterator[Callable[[EpochMetrics], None]]:
    """Gives the function to call after each epoch."""
    with _progress(console) as progress:
        task = progress.add_task(name, total=epochs, metrics="")

        def show(metrics: EpochMetrics) -> None:
            progress.update(task, advance=1, metrics=line(metrics))
            if not console.is_terminal and _is_shown(metrics.epoch, epochs):
                console.print(f"{name} epoch {metrics.epoch}/{epochs}: {line(metrics)}", highlight=False)

        yield show


@contextmanager
def steps_shown(name: str, steps: int, console: Console) -> Iterator[Callable[[StepMetrics], None]]:
    """Gives the function to call after each step; on no terminal, those with held-out text are told."""
    with _progress(console) as progress:
        task = progress.add_task(name, total=steps, metrics="")

        def show(metrics: StepMetrics) -> None:
            progress.update(task, advance=1)
            if metrics.held_out_loss is None:
                return
            progress.update(task, metrics=f"held-out loss {metrics.held_out_loss:.3f}")
            if not console.is_terminal:
                told = f"loss {metrics.train_loss:.3f}, held-out {metrics.held_out_loss:.3f}"
                console.print(f"{name} step {metrics.step}/{steps}: {told}", highlight=False)

        yield show


@contextmanager
def bytes_shown(name: str, total: int, console: Console) -> Iterator[Callable[[int], None]]:
    """Gives the function to call with how many more bytes were read."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=total)
        yield lambda count: progress.update(task, advance=count)


def line(metrics: EpochMetrics) -> str:
    return f"validation loss {metrics.validation_loss:.4f}, accuracy {metrics.validation_accuracy:.1%}"


def confusion_table(confusion: Sequence[Sequence[int]], labels: Sequence[str]) -> Table:
    """`confusion[actual][predicted]` counts rows; what was predicted rightly stands out."""
    table = Table(title="predicted")
    table.add_column("actual")
    for label in labels:
        table.add_column(label, justify="right")
    for actual, counts in enumerate(confusion):
        table.add_row(labels[actual], *(_cell(count, predicted == actual) for predicted, count in enumerate(counts)))
    return table


def _progress(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[metrics]}"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _cell(count: int, right: bool) -> str:
    if right:
        return f"[bold green]{count}[/]"
    return f"[red]{count}[/]" if count else "[dim]·[/]"


def _is_shown(epoch: int, epochs: int) -> bool:
    return epoch == epochs or epoch % max(1, epochs // _PLAIN_LINES) == 0
