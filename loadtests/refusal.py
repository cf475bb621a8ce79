"""How a command ends that can't do what it was told to. Rule: one red line, and exit code 2."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer


def refused(command: str, why: object) -> typer.Exit:
    """To be raised."""
    typer.secho(f"{command}: {why}", fg="red", err=True)
    return typer.Exit(2)


@contextmanager
def refusing(command: str, *errors: type[Exception]) -> Iterator[None]:
    """Where one of these is raised."""
    try:
        yield
    except errors as error:
        raise refused(command, error) from None
