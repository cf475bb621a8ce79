"""What `slipway serve` and `slipway config` have in common as commands: their options, and where each value is from.

Rule: the command line comes before the environment, that before the file, that before the default.
"""

import os
from typing import Any

import typer
from typer.core import TyperCommand, TyperOption

from serving.commands.configuration import from_environment, variable
from serving.commands.serve_options import KINDS
from serving.commands.tritonserver import in_our_words, off, refusal, without_values

FLAG, FILE, DEFAULT = "flag", "file", "default"


class ServeCommand(TyperCommand):
    """A command whose switches may have a value or begin with --no-, which answers Triton's other options, takes
    repositories with their option's name and without it, and says of a value that is refused where it is from."""

    def make_parser(self, ctx: Any) -> Any:
        parser = super().make_parser(ctx)
        for each in self._switches():  # as second names of their options they would leave the help no room
            names = [off(option) for option in each.opts]
            parser.add_option(obj=each, opts=names, dest=each.name, action="store_const", const=False)
        return parser

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        args = [in_our_words(arg) for arg in args]
        if advice := refusal(args, {option for each in self.params for option in each.opts}):
            raise typer.BadParameter(advice, ctx)
        args = without_values(args, {option for each in self._switches() for option in each.opts})
        try:
            rest = super().parse_args(ctx, args)
        except typer.BadParameter as error:
            if error.param is not None and (source := origin(ctx, name := error.param.name)) != FLAG:
                error.param_hint = f"{name} in {ctx.params['config']}" if source == FILE else source
                error.message += f"; got {ctx.lookup_default(name)!r}"
            raise
        if ctx.params["repositories"]:
            _join_repositories(ctx)
        return rest

    def _switches(self) -> list[TyperOption]:
        return [each for each in self.params if isinstance(each, TyperOption) and each.is_flag and each.expose_value]


def _join_repositories(ctx: Any) -> None:
    by_option = ctx.params["model_repository"] if origin(ctx, "model_repository") == FLAG else ()
    ctx.params["model_repository"] = [*ctx.params["repositories"], *(by_option or ())]
    ctx.set_parameter_source("model_repository", ctx.get_parameter_source("repositories"))


def origin(context: typer.Context, name: str) -> str:
    """Of an option's value: FLAG, the environment's variable, FILE or DEFAULT."""
    source = context.get_parameter_source(name)
    if source is None or source.name == "DEFAULT":
        return DEFAULT
    if source.name == "COMMANDLINE":
        return FLAG
    is_variable = name == "config" or from_environment(os.environ, {name: KINDS[name]})
    return variable(name) if is_variable else FILE
