"""`slipway runs`: which trainings there were, what each was asked for, and how they compare."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from training.run_files import PAGE, Told, all_runs, differences, find
from training.terminal import console, one_line_errors, say

RUNS = Path("runs")

Folder = Annotated[Path, typer.Option("--runs", help="Folder of the runs.")]
Titles = Annotated[
    list[str] | None, typer.Argument(help="Two runs to compare, such as digits-cnn/1 digits-cnn/2; or one to see.")
]

_ENOUGH = 2


def runs(titles: Titles = None, folder: Folder = RUNS) -> None:
    """See the training runs, and compare two of them.

    [bold]Examples[/bold]

    [cyan]slipway runs[/cyan]  all of them

    [cyan]slipway runs digits-cnn[/cyan]  the last one of that recipe: settings, machine, history

    [cyan]slipway runs digits-cnn/1 digits-cnn/2[/cyan]  what differs, and what came of it
    """
    with one_line_errors():
        match titles or []:
            case []:
                _list(folder)
            case [title]:
                _show(find(folder, title), folder)
            case [one, other]:
                _compare(find(folder, one), find(folder, other))
            case more:
                raise typer.BadParameter(f"{_ENOUGH} runs can be compared at a time, got {len(more)}")


def _list(folder: Path) -> None:
    found = list(all_runs(folder))
    if not found:
        say(f"no run in {folder}; begin with: slipway train digits-cnn")
        return
    _table(
        ("run", "state", "started", "in all", "steps", "val.\nloss", "scores"),
        [
            (
                told.title,
                told.state,
                str(told.record["started"])[5:16].replace("T", " "),
                "" if told.seconds is None else f"{told.seconds:.0f} s",
                *_reached(told),
            )
            for told in found
        ],
        whole=6,
    )


def _reached(told: Told) -> tuple[str, str, str]:
    if told.best is None:
        return "", "", str(told.record.get("error", ""))
    scores = ", ".join(f"{name} {value:.4g}" for name, value in told.best["scores"].items())
    return str(told.history[-1]["step"]), f"{told.best['loss']:.4f}", scores


def _show(told: Told, folder: Path) -> None:
    rows = [(name, str(value)) for name, value in told.parameters.items()]
    rows += [(f"metrics.{name}", str(value)) for name, value in told.record.get("metrics", {}).items()]
    _table((told.title, f"{told.state}, started {told.record['started']}"), rows)
    _table(
        ("step", "train loss", "validation loss", "scores"),
        [
            (
                str(point["step"]),
                f"{point['train_loss']:.4f}",
                f"{point['loss']:.4f}",
                ", ".join(f"{name} {value:.4g}" for name, value in point["scores"].items()),
            )
            for point in told.history
        ],
    )
    page = folder / told.title / PAGE
    if page.exists():
        say(f"report  {page}")


def _compare(one: Told, other: Told) -> None:
    rows: list[tuple[str, Any, Any]] = [
        (name, "" if first is None else first, "" if second is None else second)
        for name, first, second in differences(one, other)
    ]
    first, second = (f"{told.best['loss']:.4f}" if told.best else "" for told in (one, other))
    rows.append(("validation loss", first, second))
    metrics = [told.record.get("metrics", {}) for told in (one, other)]
    names = [name for name in {**metrics[0], **metrics[1]} if name != "confusion_matrix"]
    rows += [(name, *(_short(found.get(name, "")) for found in metrics)) for name in names]
    rows += [("from start to end, s", one.seconds or "", other.seconds or "")]
    _table(("", one.title, other.title), [tuple(map(str, row)) for row in rows])


def _short(value: Any) -> Any:
    return f"{value:.5g}" if isinstance(value, float) else value


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]], whole: int = 1) -> None:
    """The first columns, `whole`, stay in one line each; the others are folded where the terminal is narrow."""
    from rich.box import SIMPLE
    from rich.table import Column, Table
    from rich.text import Text

    columns = [Column(name, no_wrap=place < whole, overflow="fold") for place, name in enumerate(head)]
    table = Table(*columns, box=SIMPLE, padding=(0, 1), pad_edge=False, collapse_padding=True, show_edge=False)
    for row in rows:
        table.add_row(*map(Text, row))
    console().print(table)
