"""What a benchmark prints: tables for people, and one line of JSON, which comes last, for programs.

Rule: a figure that was taken several times is shown with its range; who reads only the median of a shared machine reads
too much into it.
"""

import json
import sys
from collections.abc import Callable, Sequence
from statistics import median

import typer

from loadtests.benchmarks.server_process import ServerFailed

Figures = dict[str, float]


def spread(values: Sequence[float]) -> Figures:
    return {"median": round(median(values), 3), "min": round(min(values), 3), "max": round(max(values), 3)}


def show(figures: Figures, digits: int = 0) -> str:
    """`12 (11 - 14)`."""
    return f"{figures['median']:.{digits}f} ({figures['min']:.{digits}f} - {figures['max']:.{digits}f})"


def table(*rows: Sequence[str]) -> None:
    """The first row is the heading; the first column is of words, the others of figures."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        words, *figures = (cell.ljust(widths[0]) if not n else cell.rjust(widths[n]) for n, cell in enumerate(row))
        print("  ".join([f"  {words}", *figures]).rstrip())


def last_line(report: object) -> None:
    print(json.dumps(report), flush=True)


def run_command(main: Callable[..., None]) -> None:
    """Ends the process with what kept it from measuring, if anything did."""
    app = typer.Typer(add_completion=False, rich_markup_mode="markdown")  # which joins the lines of a paragraph
    app.command()(main)
    try:
        app()
    except ServerFailed as error:
        sys.exit(f"nothing was measured: {error}")
