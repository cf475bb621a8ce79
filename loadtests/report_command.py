"""`slipway loadtest report`. Rule: arguments and words only; what a report needs is asked before a load begins."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from loadtests import destination
from loadtests.destination import CannotWrite
from loadtests.refusal import refused, refusing

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
    with refusing("report", NoResult):
        document = read(file)
        if not document.runs:
            raise NoResult(f"{file} holds no run")
    write_report(to, document)


def check(path: Path | None) -> None:
    """Exits where a page could not be made, before any time is spent."""
    if path is None:
        return
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        needs = f"--report needs {' and '.join(missing)}: pip install 'slipway-serving[loadtest]'"
        raise refused("loadtest", needs)
    with refusing("loadtest", CannotWrite):
        destination.check("--report", path)


def write_report(path: Path, document: "Document") -> None:
    from loadtests.report.report import report as page

    save(path, page(document))


def save(path: Path, page: bytes) -> None:
    with refusing("loadtest", CannotWrite):
        destination.save("--report", path, page)
    typer.echo(f"report: {path}")


def write_result(path: Path, document: "Document") -> None:
    from loadtests.result_file import write

    with refusing("loadtest", CannotWrite):
        write(path, document)
