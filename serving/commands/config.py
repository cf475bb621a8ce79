"""`slipway config`: what a server would be started with, and where each value is from.

Rule: only what was chosen is looked at, not the machine: a container's configuration can be checked anywhere.
"""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from serving.commands.chosen_settings import chosen_settings
from serving.commands.configuration import SECRETS, VERSION, unknown
from serving.commands.serve_command import DEFAULT, FILE, origin
from serving.commands.serve_options import KINDS, ServeOptions
from serving.commands.trace_config import endpoint_variable
from serving.options import with_options
from serving.settings import Settings

_LOGIN = re.compile(r"(?i)(https?://)[^/@\s]+@")

_SECRET = "(secret)"

Value = bool | int | float | str | list[str] | None


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    value: Value
    source: str


@with_options
def config(
    context: typer.Context,
    options: ServeOptions,
    as_json: Annotated[bool, typer.Option("--json", help="Print an object for programs.")] = False,
    as_toml: Annotated[bool, typer.Option("--toml", help="Print a file for --config that says the same.")] = False,
) -> None:
    """Show what `slipway serve` would be started with, and where each value is from.

    It takes all that `slipway serve` takes, and refuses the same; it starts nothing and needs no models.

    [bold]Examples[/bold]

    [cyan]slipway config[/cyan]  what the environment and the defaults come to

    [cyan]slipway config --config slipway.toml[/cyan]  with a file; in CI a check of it

    [cyan]slipway config --json[/cyan]  for programs

    [cyan]slipway config --http-port 9000 --toml > slipway.toml[/cyan]  a file to begin with
    """
    if as_json and as_toml:
        raise typer.BadParameter("--json and --toml are two ways to print the same; leave one of them out")
    rows = _rows(context, options, chosen_settings(options, os.environ))
    for warning in unknown(os.environ, KINDS):
        typer.secho(f"slipway config: {warning}", fg="yellow", err=True)
    if as_json:
        typer.echo(json.dumps({row.name: {"value": row.value, "from": row.source} for row in rows}, indent=2))
    elif as_toml:
        typer.echo("\n".join(as_a_file(rows)))
    else:
        _print(rows, options.config)


def as_a_file(rows: Iterable[Row]) -> list[str]:
    """Its lines; what is as it would be anyway is a comment, and so is that there is a secret."""
    return [
        f"version = {VERSION}",
        *(
            f"{'# ' if row.source == DEFAULT or row.value == _SECRET else ''}{row.name} = {_toml(row.value)}"
            for row in rows
            if row.value is not None and row.name != "config"
        ),
    ]


def _rows(context: typer.Context, options: ServeOptions, settings: Settings) -> list[Row]:
    chosen = {each.name: getattr(options, each.name) for each in fields(options) if each.name != "repositories"}
    chosen["model_repository"] = settings.places
    sources = {name: origin(context, name) for name in chosen}
    if settings.tracing.is_by_environment:
        sources["otlp_endpoint"] = endpoint_variable(os.environ)
        chosen["otlp_endpoint"] = os.environ[sources["otlp_endpoint"]]
    return [
        Row(name, _SECRET if value and name in SECRETS else _plain(value), sources[name])
        for name, value in chosen.items()
    ]


def _plain(value: object) -> Value:
    """As TOML and JSON have it, without passwords and without bytes that are no text."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, str | Path):
        return _LOGIN.sub(r"\1", str(value).encode(errors="surrogateescape").decode(errors="replace"))
    if isinstance(value, list | tuple):
        return [str(_plain(each)) for each in value]
    assert value is None or isinstance(value, bool | int | float)
    return value


def _toml(value: Value) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower()


def _print(rows: Iterable[Row], file: Path | None) -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    table = Table(*(Column(name, overflow="fold") for name in ("option", "value", "from")))
    for row in rows:
        value = "\n".join(row.value) if isinstance(row.value, list) else "" if row.value is None else str(row.value)
        value = value.lower() if isinstance(row.value, bool) else value
        source = str(file) if row.source == FILE else row.source
        table.add_row(*map(Text, (row.name, value, source)), style="dim" if row.source == DEFAULT else "bold")
    Console().print(table)
