"""`slipway loadtest compare`. Rule: arguments and words only."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from loadtests.refusal import refusing


def compare(
    before: Annotated[Path, Argument(metavar="A.json", help="The result that it is compared with.")],
    after: Annotated[Path, Argument(metavar="B.json", help="The result that may be slower.")],
    tolerance: Annotated[
        float, Option(metavar="N", min=0, max=10, help="The share by which it may be slower; 0.05: 5 %.")
    ] = 0.05,
    report: Annotated[Path | None, Option(metavar="FILE.html", help="A page with both, for people.")] = None,
) -> None:
    """Tell whether B is slower than A.

    Exit code 0: it is not. 1: it is. 2: they can't be compared. 3: longer runs would tell.
    """
    from rich.console import Console

    from loadtests.comparison import Verdict, compared, unlike, worst
    from loadtests.report_command import check, save
    from loadtests.result_file import NoResult, read

    check(report)
    with refusing("compare", NoResult, IndexError):
        documents = read(before), read(after)
        one, other = (document.decisive for document in documents)
    invalid = [f"{path}: {reason}" for path, run in ((before, one), (after, other)) for reason in run.invalid]
    for reason in invalid:
        typer.secho(f"compare: {reason}", fg="red", err=True)
    if any(len(document.decision.get("parts", ())) > 1 for document in documents):
        typer.secho("bear in mind: of a scenario's parts only the last ones are compared", fg="yellow")
    for difference in unlike(one, other):
        typer.secho(f"bear in mind: {difference}", fg="yellow")
    changes = compared(one, other, tolerance)
    Console().print(_table(changes))
    if report is not None:
        from loadtests.report.report import comparison

        save(report, comparison(one, other, tolerance))
    verdict = Verdict.UNCLEAR if invalid else worst(changes)
    typer.echo(f"B is {_WORDS[verdict]}" if not invalid else "nothing can be concluded from an invalid run")
    codes = {Verdict.SLOWER: 1, Verdict.UNCLEAR: 3}
    raise typer.Exit(2 if invalid else codes.get(verdict, 0))


_WORDS = {
    "slower": "slower",
    "faster": "faster",
    "the same": "as fast, within the tolerance",
    "unclear": "perhaps slower, perhaps not: longer runs would tell",
}


def _table(changes: Any) -> Any:
    from rich.table import Table

    table = Table("", "A", "B", "B / A", "95 % interval", "", box=None)
    for change in changes:
        interval = "" if change.interval is None else f"{change.interval[0]:.3f} to {change.interval[1]:.3f}"
        figures = (f"{change.before:.3f}", f"{change.after:.3f}", f"{change.ratio:.3f}")
        table.add_row(f"{change.name} ({change.unit})", *figures, interval, change.verdict)
    return table
