"""`slipway doctor`: what keeps a server from running well here, and what mends it. Rule: words and a table only."""

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from serving.commands.chosen_settings import chosen_settings
from serving.commands.configuration import unknown
from serving.commands.serve_options import KINDS, ServeOptions
from serving.options import with_options

if TYPE_CHECKING:  # it imports all that a server is made of
    from serving.doctor.examination import Findings

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


@with_options
def doctor(
    options: ServeOptions,
    as_json: Annotated[bool, typer.Option("--json", help="Print an object for programs.")] = False,
) -> None:
    """Look for what would keep `slipway serve` from running well on this machine, and say what mends it.

    It takes all that `slipway serve` takes, starts nothing, loads no model, and ends with 1 where there is a problem.

    [bold]Examples[/bold]

    [cyan]slipway doctor[/cyan]  for `slipway serve`

    [cyan]slipway doctor /models --host 0.0.0.0 --http-port 9000[/cyan]  with the options that the server will have

    [cyan]slipway doctor --config slipway.toml[/cyan]  the same from a file; SLIPWAY_ variables count too

    [cyan]slipway doctor --json[/cyan]  for programs

    It looks at Python, processors, memory, descriptors, the clock, packages,
    ONNX Runtime and GPUs, ports, keys, certificates, files that are written,
    and each model's config and files. `slipway models check` loads them, too.
    """
    settings = chosen_settings(options, os.environ)
    from serving.doctor.examination import examine
    from serving.doctor.finding import Grade, warning

    found = examine(settings, options.api_key_file)
    names = [warning("environment", each, "mend its name, or unset it") for each in unknown(os.environ, KINDS)]
    found = {**found, "settings": names} if names else found
    grades = [each.grade for findings in found.values() for each in findings]
    problems, warnings = grades.count(Grade.PROBLEM), grades.count(Grade.WARNING)
    if as_json:
        rows = [{"area": area, **asdict(each)} for area, findings in found.items() for each in findings]
        typer.echo(json.dumps({"problems": problems, "warnings": warnings, "findings": rows}, indent=2))
    else:
        _print(found)
        typer.echo(_sum(problems, warnings))
    raise typer.Exit(1 if problems else 0)


def _print(found: "Findings") -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    table = Table(
        Column("area", no_wrap=True), Column("", no_wrap=True), Column("found, and what to do", overflow="fold")
    )
    for area, findings in found.items():
        for number, each in enumerate(findings):
            says = Text(f"{each.what}: {each.says}")
            if each.fix:
                says.append(f"\n-> {each.fix}", style="bold")
            last = number == len(findings) - 1
            table.add_row(
                Text("" if number else area), Text(each.grade, style=_COLOURS[each.grade]), says, end_section=last
            )
    Console().print(table)


def _sum(problems: int, warnings: int) -> str:
    counted = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in ((problems, "problem"), (warnings, "warning")) if n]
    if not counted:
        return "All is well: `slipway serve` with the same options should run here."
    return f"{' and '.join(counted)}; what is after -> mends each."
