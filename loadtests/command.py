"""`slipway loadtest` and what belongs to it. Rule: an address needs no command's name before it."""

from importlib.util import find_spec
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from loadtests.autoscale_command import autoscale
from loadtests.compare_command import compare
from loadtests.load_command import load
from loadtests.other_names import advice
from loadtests.refusal import refused
from loadtests.report_command import report
from loadtests.scenario_command import scenario
from serving.options import Version

_DEFAULT = "load"


class _LoadUnlessSaid(TyperGroup):
    """`loadtest URL` is `loadtest load URL`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help", "--version"):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


class _Load(TyperCommand):
    """Answers other tools' names of its options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if words := advice(args, {option for each in self.params for option in each.opts}):
            raise typer.BadParameter(words, ctx)
        return super().parse_args(ctx, args)


loadtest = typer.Typer(
    cls=_LoadUnlessSaid,
    no_args_is_help=True,
    subcommand_metavar="URL [OPTIONS] | COMMAND [ARGS]...",
)


@loadtest.callback()
def _group(_: Version = False) -> None:
    """Load a model server, and decide by that.

    [bold]Examples[/bold]

    [cyan]slipway loadtest http://localhost:8000 --rate 200 --seconds 30[/cyan]  needs no command's name

    [cyan]slipway loadtest load --help[/cyan]  all that an address may be followed by: rate, how long, objectives, files

    [cyan]slipway loadtest scenario spike http://localhost:8000[/cyan]  other commands
    """
    if find_spec("hdrh") is None:
        raise refused("loadtest", "hdrhistogram is not installed: pip install 'slipway-serving[loadtest]'")


loadtest.command(_DEFAULT, cls=_Load, short_help="What an address alone does; `load --help` has its options.")(load)
loadtest.command()(autoscale)
loadtest.command()(compare)
loadtest.command()(report)
loadtest.command()(scenario)
