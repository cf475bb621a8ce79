"""The `slipway` command. Rule: only arguments and words are here; heavy imports wait until a command needs them."""

import typer

from serving.commands.absent import add_absent, is_installed
from serving.commands.config import config
from serving.commands.doctor import doctor
from serving.commands.keys import keys
from serving.commands.models import models
from serving.commands.predict import predict
from serving.commands.serve import serve
from serving.commands.serve_command import ServeCommand
from serving.commands.tune import tune
from serving.options import Version

app = typer.Typer(
    name="slipway",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=(
        "[bold]From nothing to a prediction:[/bold]\n\n"
        "  slipway train digits-cnn\n\n"
        "  slipway serve\n\n"
        "  slipway predict digits-cnn docs/images/seven.png"
    ),
)


@app.callback()
def slipway(_: Version = False) -> None:
    """Take a model from training to a fast, observable production endpoint."""


def _add_training() -> None:
    if not is_installed("training"):
        add_absent(app, ("train", "export", "search", "runs", "import"), "train")
        return
    from training.cli import export, train
    from training.import_command import imports
    from training.runs_command import runs
    from training.search_command import search

    for command in (train, export, search, runs):
        app.command()(command)
    app.add_typer(imports, name="import")


def _add_load_test() -> None:
    if not is_installed("loadtests"):
        add_absent(app, ("loadtest",), "loadtest")
        return
    from loadtests.command import loadtest

    app.add_typer(loadtest, name="loadtest")


_add_training()
app.command(cls=ServeCommand)(serve)
app.command(cls=ServeCommand)(config)
app.command(cls=ServeCommand)(doctor)
app.add_typer(models, name="models")
app.add_typer(keys, name="keys")
app.command()(predict)
app.command()(tune)
_add_load_test()


def main() -> None:
    app()
