"""Commands of parts that this installation was made without, as an image for serving is.

Rule: whatever follows such a command's name, it is one line that says what has the command.
"""

from importlib.util import find_spec
from typing import Any

import typer

_ANYTHING: dict[str, Any] = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": [],
}


def is_installed(package: str) -> bool:
    """A folder that happens to have the name is no package."""
    found = find_spec(package)
    return found is not None and found.origin is not None


def add_absent(app: typer.Typer, names: tuple[str, ...], extra: str) -> None:
    """`extra` is the one of pip's that brings what these commands need."""

    def absent(context: typer.Context) -> None:
        typer.secho(
            f"slipway {context.info_name} is not in this installation, which only serves; "
            f"the image 'training' has it, and so has pip install 'slipway-serving[{extra}]'",
            fg="red",
            err=True,
        )
        raise typer.Exit(2)

    for name in names:
        app.command(name, hidden=True, context_settings=_ANYTHING)(absent)
