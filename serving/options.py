"""A command's options as one value of a dataclass, whose fields have their words; and `--version`.

Rule: each is written once, for every command that takes it, and the parts of a command are given all of them together.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from serving import __version__


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"slipway {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
]


def with_options(act: Callable[..., None]) -> Callable[..., None]:
    """A command with all fields of the class of `act`'s `options` before its own parameters."""
    own = dict(inspect.signature(act).parameters)
    gathered = own.pop("options").annotation
    shared = inspect.signature(gathered).parameters

    @wraps(act)
    def command(**given: Any) -> None:
        act(options=gathered(**{name: given.pop(name) for name in shared}), **given)

    all_of_them = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*shared.values(), *own.values())]
    command.__signature__ = inspect.Signature(all_of_them)  # type: ignore[attr-defined]
    return command
