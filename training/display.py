"""What a person sees of a training run, a progress bar and a classifier's confusion table, and of files being read.

Rule: where output is not a terminal there are a few plain lines and no escape codes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text

from training.data.card import Card
from training.export.gate import PUBLISHED, Variant
from training.loop import Step
from training.state import Point
from training.task import LESS_IS_BETTER

Item = TypeVar("Item")

_NOTES = 5
_PLAIN_LINES = 5  # of a run whose output is not a terminal


@contextmanager
def steps_shown(name: str, console: Console) -> Iterator[Callable[[Step], None]]:
    """Gives the function to call after each step; on no terminal, a few of those with validation are told."""
    with _progress(console) as progress:
        task = progress.add_task(name, total=None, metrics="")
        told = 0

        def show(step: Step) -> None:
            nonlocal told
            progress.update(task, completed=step.number, total=step.steps)
            if step.point is None:
                return
            progress.update(task, metrics=line(step.point))
            due = step.number * _PLAIN_LINES // step.steps
            if due > told and not console.is_terminal:
                told = due
                console.print(f"{name} step {step.number}/{step.steps}: {line(step.point)}", highlight=False)

        yield show


@contextmanager
def bytes_shown(name: str, total: int, console: Console) -> Iterator[Callable[[int], None]]:
    """Gives the function to call with how many more bytes were read."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=total)
        yield lambda count: progress.update(task, advance=count)


def watched(name: str, console: Console) -> Callable[[Sequence[Item]], Iterator[Item]]:
    """Goes through items, and shows how far it came; nothing remains of it at the end."""

    def each(items: Sequence[Item]) -> Iterator[Item]:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
            yield from progress.track(items, description=name)

    return each


def written(name: str, value: float) -> str:
    """A score."""
    return f"{value:.4g}" if name in LESS_IS_BETTER else f"{value:.1%}"


def line(point: Point) -> str:
    scores = "".join(f", {name.replace('_', ' ')} {value:.4g}" for name, value in point.scores.items())
    return f"loss {point.train_loss:.4f}, validation loss {point.loss:.4f}{scores}"


def card_lines(card: Card) -> Iterator[str]:
    """What was read, left out and kept, and what else there is to say of the data."""
    kept = ", ".join(f"{count:,} {part}" for part, count in card.kept.items())
    yield f"data        {card.read:,} of {card.source}: {kept}"
    if card.dropped:
        yield f"left out    {', '.join(f'{count:,} {reason}' for reason, count in card.dropped.items())}"
    yield from (f"note        {note}" for note in card.notes[:_NOTES])
    if len(card.notes) > _NOTES:
        yield f"            and {len(card.notes) - _NOTES:,} more"


def confusion_table(confusion: Sequence[Sequence[int]], labels: Sequence[str]) -> Table:
    """`confusion[actual][predicted]` counts rows; what was predicted rightly stands out."""
    table = Table(title="predicted")
    table.add_column("actual")
    for label in labels:
        table.add_column(Text(label), justify="right")
    for actual, counts in enumerate(confusion):
        cells = (_cell(count, predicted == actual) for predicted, count in enumerate(counts))
        table.add_row(Text(labels[actual]), *cells)
    return table


def variants_table(variants: Iterable[Variant]) -> Table:
    """Of the files that could be published; the one that is stands out."""
    table = Table(Column("variant", no_wrap=True))
    for name in ("kB", "ms for 1", "for 32", "speed", "score"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for variant in variants:
        table.add_row(*_told(variant), style="bold green" if variant.verdict == PUBLISHED else "")
    return table


def _told(variant: Variant) -> tuple[str, ...]:
    if variant.milliseconds is None:
        return (variant.name, "", "", "", "", "", escape(variant.verdict))
    times = (f"{variant.milliseconds[rows]:.3f}" for rows in ("1", "32"))
    return (
        variant.name,
        f"{variant.bytes / 1e3:,.0f}",
        *times,
        f"{variant.speedup:.2f}",
        f"{variant.score:.4f}",
        variant.verdict,
    )


def comparison_table(columns: Mapping[str, Mapping[str, float]]) -> Table:
    """Scores by name, one column beside another; those of the first stand out."""
    table = Table("", *columns)
    first, *others = columns.values()
    for name, value in first.items():
        table.add_row(name.replace("_", " "), Text(f"{value:.1%}", "bold"), *(f"{other[name]:.1%}" for other in others))
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


def _cell(count: int, right: bool) -> Text:
    if right:
        return Text(str(count), "bold green")
    return Text(str(count), "red") if count else Text("·", "dim")
