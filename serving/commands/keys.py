"""`slipway keys`: API keys for `slipway serve --api-key-file`. Rule: a key is shown once, where it is made."""

import os
import secrets
import shlex
from pathlib import Path
from typing import Annotated

import typer

from serving.access.key_file import entry, is_name, read
from serving.access.keys import Key, digest_of
from serving.access.scope import USUAL, Scope

_START = "slipway-"  # by which people and programs that look for secrets know it
_BYTES = 32

keys = typer.Typer(name="keys", no_args_is_help=True, help="API keys, for slipway serve --api-key-file.")


@keys.callback()
def _keys() -> None:
    """Without it the one command would have no name."""


@keys.command()
def new(
    name: Annotated[str, typer.Argument(help="Whose it is: letters, digits and . _ - @")],
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it is for; may be repeated. Unless given, inference and metadata.")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Requests per second.", metavar="N")] = None,
    concurrency: Annotated[int | None, typer.Option(help="Requests at a time.", metavar="N", min=1)] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="Where its entry is added; a new file is its owner's alone. Unless given, it is printed."),
    ] = None,
) -> None:
    """Make a key, and the entry that a server knows it by.

    [bold]Examples[/bold]

    [cyan]slipway keys new shop --file keys.toml[/cyan]  the entry goes into the file, the key is shown here

    [cyan]slipway keys new ops --scope admin --scope metadata --file keys.toml[/cyan]  for loading and unloading

    [cyan]slipway keys new guest --rate 5 --concurrency 2 --file keys.toml[/cyan]  no more than that
    """
    if not is_name(name):
        raise typer.BadParameter(f"a name has up to 64 letters, digits and . _ - @; got '{name[:80]}'")
    if rate is not None and not 0 < rate < float("inf"):
        raise typer.BadParameter(f"--rate is a number above 0, the requests per second; got {rate:g}")
    key = _START + secrets.token_urlsafe(_BYTES)
    added = entry(Key(name, digest_of(key), USUAL if scope is None else frozenset(scope), rate, concurrency))
    if file is not None:
        _add(added, file)
    typer.echo(f"The key of '{name}', which is shown this once and nowhere kept:\n\n  {key}\n", err=True)
    if file is None:
        typer.echo("Its entry for the file of --api-key-file, which does not tell the key:\n", err=True)
        typer.echo(added)
    else:
        serve = f"slipway serve --api-key-file {shlex.quote(str(file))}"
        typer.echo(f"Its entry, which does not tell the key, is in {file}: {serve}", err=True)


def _add(added: str, file: Path) -> None:
    try:
        before = file.read_text() if file.exists() else ""
        start = "" if not before or before.endswith("\n") else "\n"
        read(f"{before}{start}{added}")
        with open(file, "a", opener=_for_its_owner) as out:
            out.write(f"{start}{added}\n")
    except (OSError, ValueError) as error:  # the file's own keys may be wrong, or have this name
        why = error.strerror if isinstance(error, OSError) else error
        raise typer.BadParameter(f"--file: nothing was added to {file}: {why}") from None


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
