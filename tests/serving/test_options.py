from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from serving.options import with_options


@dataclass(frozen=True, kw_only=True)
class Options:
    place: Annotated[str, typer.Argument(help="Where.")]
    most: Annotated[int, typer.Option(min=1, help="How many.")] = 2


@with_options
def count(options: Options, aloud: Annotated[bool, typer.Option("--aloud")] = False) -> None:
    """Count."""
    typer.echo(f"{options} {aloud}")


def said(*words: str) -> str:
    app = typer.Typer()
    app.command()(count)
    return CliRunner().invoke(app, words).output


def test_a_command_is_given_its_options_as_one_value_and_its_own_beside_them() -> None:
    assert said("here") == "Options(place='here', most=2) False\n"
    assert said("here", "--most", "3", "--aloud") == "Options(place='here', most=3) True\n"


def test_what_fields_say_holds() -> None:
    assert "'--most'" in said("here", "--most", "0")
    assert all(words in said("--help") for words in ("Where.", "How many.", "Count."))
