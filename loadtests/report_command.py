"""`slipway loadtest report`. Rule: arguments and words only; what a report needs is asked before a load begins."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from loadtests import destination
from loadtests.destination import CannotWrite

if TYPE_CHECKING:
    from loadtests.result_file import Document

_NEEDED = ("matplotlib", "jinja2")


def report(
    file: Annotated[Path, Argument(metavar="FILE.json", help="A result that `--json` wrote.")],
    to: Annotated[Path, Option("--report", metavar="FILE.html", help="Where the page is written.")],
) -> None:
    """Make a page with plots of a result."""
    from loadtests.result_file import NoResult, read

    check(to)
    try:
        document = read(file)
        if not document.runs:
            raise NoResult(f"{file} holds no run")
    except NoResult as error:
        typer.secho(f"report: {error}", fg="red", err=True)
        raise typer.Exit(2) from None
    write_report(to, document)


def check(path: Path | None) -> None:
    """Exits where a page could not be made, before any time is spent."""
    if path is None:
        return
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        words = f"--report needs {' and '.join(missing)}: pip install 'slipway-serving[loadtest]'"
        typer.secho(f"loadtest: {words}", fg="red", err=True)
        raise typer.Exit(2)
    with _told():
        destination.check("--report", path)


def write_report(path: Path, document: "Document") -> None:
    from loadtests.report.report import report as page

    save(path, page(document))


def save(path: Path, page: bytes) -> None:
    with _told():
        destination.save("--report", path, page)
    typer.echo(f"report: {path}")


def write_result(path: Path, document: "Document") -> None:
    from loadtests.result_file import write

    with _told():
        write(path, document)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except CannotWrite as error:
        typer.secho(f"loadtest: {error}", fg="red", err=True)
        raise typer.Exit(2) from None
