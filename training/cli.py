"""The commands `train`, `export` and `import`, which `slipway` and `python -m training` both offer.

Rule: importing this module imports no torch; whatever goes wrong is one line on stderr, never a traceback.
"""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.import_command import imports
from training.options import Data, Device, ModelName, Runs
from training.precision import FLOAT32, but_for
from training.runs_command import RUNS, runs
from training.search_command import search
from training.terminal import console, one_line_errors, say, stopped

if TYPE_CHECKING:  # for the rule above
    from training.course import Course
    from training.export.gate import Gate
    from training.runs import Run

CHECKPOINTS = Path("checkpoints")
REPOSITORY = Path("model_repository")

Name = Annotated[str | None, typer.Argument(help="Such as digits-cnn.", show_default=False)]
Missing = Annotated[bool, typer.Option("--missing", help="Train each model of the repository that has no version.")]
Epochs = Annotated[int | None, typer.Option(help="Passes over the training data.", show_default="the recipe's")]
Steps = Annotated[int | None, typer.Option(help="Instead of a number of passes.", show_default="the recipe's")]
Size = Annotated[str | None, typer.Option(help="Of a model that writes: small or medium.", show_default="small")]
BatchSize = Annotated[int | None, typer.Option(help="Rows, or texts, per step.", show_default="the recipe's")]
LearningRate = Annotated[float | None, typer.Option(help="Adam's step size.", show_default="the recipe's")]
Seed = Annotated[int | None, typer.Option(help="Same seed, same weights.", show_default="the recipe's")]
Checkpoints = Annotated[Path, typer.Option(help="Folder of the checkpoints.")]
Repository = Annotated[Path, typer.Option(help="Folder of the models that the server loads.")]
Publish = Annotated[bool, typer.Option("--publish/--no-publish", help="Export and publish after training.")]
Weights = Annotated[
    str | None,
    typer.Option(help="Of a model that writes, in ONNX: float32, or int8, which is faster.", show_default="float32"),
]
Candidates = Annotated[
    str | None,
    typer.Option(
        help="Other ONNX files to try: int8-dynamic, int8-static, fp16, bf16, pruned, with commas between, or all.",
        show_default=False,
    ),
]
MaxLoss = Annotated[float, typer.Option(help="How much less of its score a candidate may have.")]
MinSpeedup = Annotated[float, typer.Option(help="How many times as fast as float32 a candidate has to be.")]
Config = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help=r"TOML: tables \[train], \[model], \[data].",
        show_default=False,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Any parameter; may be repeated.", show_default=False),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Begin anew where the last run was cut off.")]
Every = Annotated[float, typer.Option(min=0, help="Seconds from one snapshot to the next, from which a run goes on.")]
Kept = Annotated[int, typer.Option(min=1, help="How many snapshots are kept while it runs, the last ones.")]
Shard = Annotated[bool, typer.Option("--shard", help="With torchrun: each process has a part of the weights (FSDP2).")]
Source = Annotated[str, typer.Argument(help="A checkpoint's folder, or the name of a recipe trained before.")]

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    help="Train models and publish them for the server.",
)
app.add_typer(imports, name="import")
app.command()(runs)
app.command()(search)


@app.command()
def train(
    name: Name = None,
    missing: Missing = False,
    data: Data = None,
    model_name: ModelName = None,
    epochs: Epochs = None,
    steps: Steps = None,
    size: Size = None,
    batch_size: BatchSize = None,
    learning_rate: LearningRate = None,
    seed: Seed = None,
    checkpoints: Checkpoints = CHECKPOINTS,
    repository: Repository = REPOSITORY,
    publish: Publish = True,
    weights: Weights = None,
    candidates: Candidates = None,
    max_loss: MaxLoss = 0.01,
    min_speedup: MinSpeedup = 1.1,
    config: Config = None,
    changes: Set = None,
    run_folders: Runs = RUNS,
    fresh: Fresh = False,
    snapshot_every: Every = 30.0,
    keep_snapshots: Kept = 2,
    device: Device = "cpu",
    shard: Shard = False,
) -> None:
    """Train a model, test it on what was held out, and publish it as the next version.

    [bold]Examples[/bold]

    [cyan]slipway train digits-cnn[/cyan]  handwritten digits, a few seconds

    [cyan]slipway train breast-cancer-mlp --epochs 100 --seed 7[/cyan]  other parameters

    [cyan]slipway train gpt-docs[/cyan]  a small model that writes like Python's documentation, about a minute

    [cyan]slipway train dates-seq2seq[/cyan]  written dates to ISO dates, a minute or two

    [cyan]slipway train breast-cancer-mlp --data visits.csv --name visits[/cyan]  your own data, as a model of its own

    [cyan]slipway train digits-resnet --data flowers/ --name flowers[/cyan]  pictures, in a folder for each class

    [cyan]slipway train digits-cnn --no-publish[/cyan]  only the checkpoint, to export later

    [cyan]slipway train digits-cnn --set optimizer=adamw --set model.channels=32[/cyan]  whatever a run can be told

    [cyan]torchrun --nproc-per-node=2 -m training train gpt-docs --set threads=0[/cyan]  in two processes

    [cyan]slipway train --missing[/cyan]  whatever the repository lacks

    A run that was cut off is gone on with by the same command. [cyan]slipway runs[/cyan] lists them.
    """
    with one_line_errors():
        from training.course import choose
        from training.export.gate import wanted_gate
        from training.group import joined
        from training.ownership import check_free
        from training.runs import begun
        from training.settings import given

        wanted = given(
            config,
            changes,
            epochs=epochs,
            steps=steps,
            size=size,
            batch_size=batch_size,
            learning_rate=learning_rate,
            seed=seed,
            weights=weights,
        )
        gate = wanted_gate(candidates, max_loss, min_speedup)
        names = _chosen(name, missing, repository)
        courses = [choose(name, wanted, model_name or "", data) for name in names]
        for course in courses:
            course.check_gate(gate)
            check_free(course.settings["recipe"], checkpoints / course.name, repository / course.name)
        with joined(device, shard) as group:
            for course in courses:
                checkpoint = checkpoints / course.name
                with begun(run_folders, course.name, course.settings, group, fresh) as run:
                    _train(course, checkpoint, replace(run, seconds=snapshot_every, kept=keep_snapshots))
                if not group.is_first:
                    continue
                say(f"checkpoint  {checkpoint}")
                if publish:
                    _publish(course, checkpoint, repository, weights, gate, is_last=not missing)
                else:
                    say(f"next        slipway export {checkpoint}")


@app.command()
def export(
    source: Source,
    repository: Repository = REPOSITORY,
    weights: Weights = None,
    candidates: Candidates = None,
    max_loss: MaxLoss = 0.01,
    min_speedup: MinSpeedup = 1.1,
) -> None:
    """Turn a checkpoint into ONNX and TorchScript, compare both with PyTorch, and publish the next version.

    [bold]Examples[/bold]

    [cyan]slipway export digits-cnn[/cyan]  the checkpoint in checkpoints/digits-cnn

    [cyan]slipway export /backup/digits-cnn --repository /srv/models[/cyan]  other folders

    [cyan]slipway export gpt-docs --weights int8[/cyan]  rounded, and compared by how well it still knows text

    [cyan]slipway export digits-cnn --candidates all --max-loss 0.005[/cyan]  the fastest file that is as good
    """
    with one_line_errors():
        from training.checkpoint_files import names
        from training.course import choose
        from training.export.gate import wanted_gate

        checkpoint = _checkpoint_directory(source)
        recipe, model = names(checkpoint)
        course = choose(recipe, {} if weights is None else {"weights": weights}, model)
        gate = wanted_gate(candidates, max_loss, min_speedup)
        _publish(course, checkpoint, repository, weights, gate, is_last=True)


def run_recipe(name: str) -> None:
    """`train NAME` with this process's own arguments; never returns."""
    app(["train", name, *sys.argv[1:]])


def _chosen(name: str | None, missing: bool, repository: Path) -> list[str]:
    from training.export.versions import without_version
    from training.recipes.recipe import RECIPES

    if missing == (name is not None):
        raise stopped(f"give --missing or the name of one recipe: {', '.join(RECIPES)}", 2)
    if name is not None:
        return [name]
    names = without_version(RECIPES, repository)
    if not names:
        say(f"nothing to train: every model in {repository} has a version")
    else:
        say(f"to train    {', '.join(names)}: what {repository} lacks, one after the other")
    return names


def _train(course: "Course", checkpoint: Path, run: "Run") -> None:
    is_first = run.group.is_first
    if run.goes_on and is_first:
        say(f"going on    {run.folder}, which was cut off; --fresh begins anew")
    try:
        metrics = course.train(checkpoint, console(is_first), run)
    except KeyboardInterrupt:
        raise stopped("stopped; the same command goes on from the last snapshot, if there is one", 130) from None
    run.finish(metrics)


def _checkpoint_directory(source: str) -> Path:
    from training.recipes.recipe import RECIPES

    known = source in RECIPES or (CHECKPOINTS / source).is_dir()
    return CHECKPOINTS / source if known and not Path(source).exists() else Path(source)


def _publish(
    course: "Course", checkpoint: Path, repository: Path, weights: str | None, gate: "Gate | None", is_last: bool
) -> None:
    from training.display import variants_table
    from training.export.gate import published
    from training.export.manifest import variants_of

    with console().status("exporting and comparing with PyTorch"):
        version = course.publish(checkpoint, repository, gate)
    variants = variants_of(version) if gate is not None else []
    if variants:
        console().print(variants_table(variants))
    if (winner := published(variants)) != FLOAT32:
        say(
            f"parity      the float32 files answer as PyTorch does; {winner}, which is served, as its score above tells"
        )
    else:
        say(f"parity      the exported files answer as PyTorch does{but_for(weights or FLOAT32)}")
    say(f"published   {version}")
    if is_last:
        say(f"next        slipway serve{'' if repository == REPOSITORY else f' {shlex.quote(str(repository))}'}")
