"""The commands `train` and `export`, which `slipway` and `python -m training` both offer.

Rule: importing this module imports no torch; whatever goes wrong is one line on stderr, never a traceback.
"""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serving.errors import SlipwayError
from training.errors import InvalidConfig, TrainingError, UnknownRecipe

if TYPE_CHECKING:  # for the rule above
    from rich.console import Console

    from training.checkpoint import Checkpoint
    from training.config import TrainConfig
    from training.recipes.recipe import Recipe

CHECKPOINTS = Path("checkpoints")
REPOSITORY = Path("model_repository")

Name = Annotated[str | None, typer.Argument(help="digits-cnn or breast-cancer-mlp.", show_default=False)]
Missing = Annotated[bool, typer.Option("--missing", help="Train each model of the repository that has no version.")]
Epochs = Annotated[int | None, typer.Option(help="Passes over the training rows.", show_default="the recipe's")]
BatchSize = Annotated[int | None, typer.Option(help="Rows per step.", show_default="the recipe's")]
LearningRate = Annotated[float | None, typer.Option(help="Adam's step size.", show_default="the recipe's")]
Seed = Annotated[int | None, typer.Option(help="Same seed, same weights.", show_default="the recipe's")]
Checkpoints = Annotated[Path, typer.Option(help="Folder of the checkpoints.")]
Repository = Annotated[Path, typer.Option(help="Folder of the models that the server loads.")]
Publish = Annotated[bool, typer.Option("--publish/--no-publish", help="Export and publish after training.")]
Source = Annotated[str, typer.Argument(help="A checkpoint's folder, or the name of a recipe trained before.")]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    help="Train models and publish them for the server.",
)


@app.command()
def train(
    name: Name = None,
    missing: Missing = False,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    seed: Seed = None,
    checkpoints: Checkpoints = CHECKPOINTS,
    repository: Repository = REPOSITORY,
    publish: Publish = True,
) -> None:
    """Train a model, test it on held-out rows, and publish it as the next version.

    [bold]Examples[/bold]

    [cyan]slipway train digits-cnn[/cyan]  handwritten digits, a few seconds

    [cyan]slipway train breast-cancer-mlp --epochs 100 --seed 7[/cyan]  other parameters

    [cyan]slipway train digits-cnn --no-publish[/cyan]  only the checkpoint, to export later

    [cyan]slipway train --missing[/cyan]  whatever the repository lacks
    """
    changes = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate, "seed": seed}
    with _one_line_errors():
        for recipe in _chosen(name, missing, repository):
            checkpoint = _trained(recipe, _changed(recipe.config, changes), checkpoints / recipe.name)
            if publish:
                _publish(recipe, checkpoint, repository)
            else:
                _say(f"next        slipway export {checkpoints / recipe.name}")


@app.command()
def export(source: Source, repository: Repository = REPOSITORY) -> None:
    """Turn a checkpoint into ONNX and TorchScript, compare both with PyTorch, and publish the next version.

    [bold]Examples[/bold]

    [cyan]slipway export digits-cnn[/cyan]  the checkpoint in checkpoints/digits-cnn

    [cyan]slipway export /backup/digits-cnn --repository /srv/models[/cyan]  other folders
    """
    with _one_line_errors():
        from training.checkpoint import load
        from training.recipes.recipe import find

        checkpoint = load(_checkpoint_directory(source))
        _publish(find(checkpoint.recipe), checkpoint, repository)


def run_recipe(name: str) -> None:
    """`train NAME` with this process's own arguments; never returns."""
    app(["train", name, *sys.argv[1:]])


def _chosen(name: str | None, missing: bool, repository: Path) -> "list[Recipe]":
    from training.export.versions import without_version
    from training.recipes.recipe import RECIPES, find

    if missing == (name is not None):
        raise _exit(f"give --missing or the name of one recipe: {', '.join(RECIPES)}", 2)
    if name is not None:
        return [find(name)]
    names = without_version(RECIPES, repository)
    if not names:
        _say(f"nothing to train: every model in {repository} has a version")
    return [find(name) for name in names]


def _changed(config: "TrainConfig", changes: dict[str, int | float | None]) -> "TrainConfig":
    from dataclasses import asdict

    from training.config import TrainConfig

    return TrainConfig(**asdict(config) | {name: value for name, value in changes.items() if value is not None})


def _checkpoint_directory(source: str) -> Path:
    from training.recipes.recipe import RECIPES

    return CHECKPOINTS / source if source in RECIPES and not Path(source).exists() else Path(source)


def _trained(recipe: "Recipe", config: "TrainConfig", directory: Path) -> "Checkpoint":
    from training.checkpoint import save
    from training.display import confusion_table, epochs_shown
    from training.run import run

    console = _console()
    with epochs_shown(recipe.name, config.epochs, console) as on_epoch:
        checkpoint = run(recipe, config, on_epoch)
    metrics = checkpoint.metrics
    console.print(confusion_table(metrics.confusion_matrix, recipe.labels))
    save(checkpoint, directory)
    _say(f"accuracy    {metrics.test_accuracy:.1%} on held-out rows, with the weights of epoch {metrics.best_epoch}")
    _say(f"checkpoint  {directory}")
    return checkpoint


def _publish(recipe: "Recipe", checkpoint: "Checkpoint", repository: Path) -> None:
    with _console().status("exporting and comparing with PyTorch"):
        from training.export.package import publish  # the exporters take seconds to import

        version = publish(recipe, checkpoint, repository)
    _say("parity      ONNX and TorchScript answer as PyTorch does")
    _say(f"published   {version}")
    _say(f"next        slipway serve{'' if repository == REPOSITORY else f' {shlex.quote(str(repository))}'}")


def _console() -> "Console":
    from rich.console import Console

    return Console()


def _say(text: str) -> None:
    typer.echo(text)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Exit status 2 for what was typed, 1 for everything else."""
    try:
        yield
    except (UnknownRecipe, InvalidConfig) as error:
        raise _exit(str(error), 2) from None
    except (TrainingError, SlipwayError, OSError) as error:
        raise _exit(str(error), 1) from None
    except ModuleNotFoundError as error:
        advice = 'install what training needs with: pip install "slipway-serving[cpu,train]"'
        raise _exit(f"the package '{error.name}' is not installed; {advice}", 1) from None


def _exit(message: str, status: int) -> typer.Exit:
    typer.echo(f"error: {message}", err=True)
    return typer.Exit(status)
