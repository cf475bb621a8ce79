"""The table of docs/configuration.md, from the options themselves: `python -m tests.option_table` writes it anew."""

from collections.abc import Iterator
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from typer.main import get_command

from serving.cli import app
from serving.commands import places
from serving.commands.configuration import variable

PAGE = Path(__file__).parents[1] / "docs" / "configuration.md"
_START, _END = "<!-- options -->\n", "<!-- end of options -->"


@cache
def slipway() -> Any:
    return get_command(app)


def serve_command() -> Any:
    return slipway().commands["serve"]


def every_command(of: Any = None) -> Iterator[Any]:
    for command in (of or slipway()).commands.values():
        yield from every_command(command) if hasattr(command, "commands") else [command]


def named_options() -> list[Any]:
    """Those that a file or the environment can hold too, and --config."""
    return [each for each in serve_command().params if each.param_type_name == "option" and each.name != "help"]


def table() -> str:
    rows = [
        f"| `{option.opts[0]}`{' …' if option.multiple else ''} | `{variable(option.name)}` | {_key(option)} "
        f"| {_default(option)} | {_help(option)} |"
        for option in named_options()
    ]
    return "\n".join(["| Flag | Variable | Key | Default | |", "|---|---|---|---|---|", *rows, ""])


def _key(option: Any) -> str:
    return "" if option.name == "config" else f"`{option.name}`"


def _help(option: Any) -> str:
    return places.HELP if option.name == "model_repository" else str(option.help)


def _default(option: Any) -> str:
    if option.name == "model_repository":
        return "`model_repository`"
    if option.default is None:
        return ""
    if isinstance(option.default, Enum | bool):
        return f"`{str(getattr(option.default, 'value', option.default)).lower()}`"
    return f"`{option.default}`"


def replaced(page: str) -> str:
    before, _, rest = page.partition(_START)
    return f"{before}{_START}{table()}{_END}{rest.partition(_END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(replaced(PAGE.read_text()))
