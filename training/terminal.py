"""How commands speak: to the terminal, and of what went wrong.

Rule: whatever goes wrong is one line on stderr, never a traceback; importing this module imports no torch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from serving.errors import SlipwayError
from training.errors import InvalidConfig, TrainingError, UnknownRecipe
from training.files import FULL

if TYPE_CHECKING:  # it takes a while to import
    from rich.console import Console


def console(is_heard: bool = True) -> "Console":
    from rich.console import Console

    return Console(quiet=not is_heard)


def say(text: str) -> None:
    typer.echo(text)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Exit status 2 for what was typed, 1 for everything else."""
    try:
        yield
    except (UnknownRecipe, InvalidConfig) as error:
        raise stopped(str(error), 2) from None
    except OSError as error:
        raise stopped(_told(error), 1) from None
    except (TrainingError, SlipwayError) as error:
        raise stopped(str(error), 1) from None
    except ModuleNotFoundError as error:
        extras = "cpu,train,search" if error.name == "optuna" else "cpu,train"
        advice = f'install what is needed with: pip install "slipway-serving[{extras}]"'
        raise stopped(f"the package '{error.name}' is not installed; {advice}", 1) from None


def _told(error: OSError) -> str:
    if error.errno not in FULL:
        return str(error)
    where = error.filename or "what was to be written"
    return f"there is no room for {where} ({error.strerror}); when there is, the same command goes on"


def stopped(message: str, status: int) -> typer.Exit:
    """To be raised."""
    typer.echo(f"error: {message}", err=True)
    return typer.Exit(status)
