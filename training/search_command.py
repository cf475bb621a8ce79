"""`slipway search`: trains a recipe many times, to find the parameters that do best on what is held out.

Rule: a search publishes nothing and never looks at test rows; it ends with the command that does.
"""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.options import Data, Device, ModelName, Runs
from training.runs_command import RUNS
from training.terminal import console, one_line_errors, say, stopped

if TYPE_CHECKING:  # `slipway --help` needs no torch
    from training.group import Group
    from training.search.searching import Question
    from training.search.trials import Trials
    from training.settings import Value

Name = Annotated[str, typer.Argument(help="Of a recipe, such as digits-cnn.", show_default=False)]
Total = Annotated[int, typer.Option("--trials", min=1, help="In all, with those of earlier starts.")]
Pruner = Annotated[str, typer.Option(help="Who is stopped early: median, halving, hyperband or none.")]
Config = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help=r"TOML: what to try in \[search], and what is fixed in \[train] and \[model].",
        show_default=False,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter that is fixed; may be repeated.", show_default=False),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Begin anew, beside what was searched.")]


def search(
    name: Name,
    data: Data = None,
    model_name: ModelName = None,
    total: Total = 20,
    pruner: Pruner = "median",
    config: Config = None,
    changes: Set = None,
    run_folders: Runs = RUNS,
    fresh: Fresh = False,
    device: Device = "cpu",
) -> None:
    """Search for the parameters that suit a recipe best, by training it many times.

    [bold]Examples[/bold]

    [cyan]slipway search digits-cnn[/cyan]  20 trials over what the recipe suggests

    [cyan]slipway search digits-cnn --trials 50 --pruner hyperband[/cyan]  more, and stricter with what begins badly

    [cyan]slipway search digits-cnn --config search.toml --set epochs=10[/cyan]  over a table \\[search] of your own

    The same command goes on where it was cut off; in another terminal it shares the trials. Trials are compared on what
    is held out, never on test rows, and nothing is published: the last line is the command that does.
    """
    with one_line_errors():
        from training.config import one_of
        from training.group import joined
        from training.search import space
        from training.search.searching import Question, question
        from training.search.trials import PRUNERS, storage_errors
        from training.settings import given

        one_of("--pruner", pruner, PRUNERS)
        if "RANK" in os.environ:
            raise stopped("a search runs without torchrun; start it several times, and the processes share it", 2)
        first = Question(name, given(config, changes), model_name or "", data, {}, pruner)
        asked = question(first, space.read(config) if config else {})
        with storage_errors():
            with joined(device) as group:
                trials = asked.trials(run_folders, fresh)
                _search(asked, trials, total, group)
            _tell(asked, trials)


def _search(asked: "Question", trials: "Trials", total: int, group: "Group") -> None:
    from training.search.searching import search
    from training.search.shown import trials_shown

    told = trials.told()
    if told:
        ended = sum(trial.state.is_finished() for trial in told)
        say(f"going on    {trials.folder}, ended so far: {ended}; --fresh begins anew")
    try:
        with trials_shown(asked.recipe, total, console()) as shown:
            search(asked, trials, total, group, shown)
    except KeyboardInterrupt:
        raise stopped("stopped; the same command goes on", 130) from None


def _tell(asked: "Question", trials: "Trials") -> None:
    from training import files
    from training.search import answer
    from training.search.trials import reason, score_of

    told, best = trials.told(), trials.best()
    if best is None:
        raise stopped(f"no trial came to its end; the last one: {reason(told[-1]) or told[-1].state.name.lower()}", 1)
    console().print(answer.table(told, list(asked.space), score_of(best), best.number))
    shares = trials.importances()
    if shares:
        console().print(answer.importances(shares))
    values: Mapping[str, Value] = {**asked.changes, **best.params}
    files.replace(trials.folder / "best.toml", answer.toml(values).encode())
    under_way = sum(not trial.state.is_finished() for trial in told)
    if under_way:
        say(f"others      trials still under way in other processes: {under_way}; the last one tells the end")
    _draw(asked, trials, score_of(best))
    say(f"best        trial {best.number}, {score_of(best)} {best.value:.4f} on validation rows")
    say(f"next        {_train_command(asked, trials)}")


def _train_command(asked: "Question", trials: "Trials") -> str:
    own = [] if asked.source is None else ["--data", str(asked.source)]
    name = ["--name", asked.name] if asked.name else []
    return shlex.join(["slipway", "train", asked.recipe, *own, *name, "--config", str(trials.folder / "best.toml")])


def _draw(asked: "Question", trials: "Trials", score: str) -> None:
    path = trials.folder / "search.png"
    try:
        from training.search.picture import draw
    except ModuleNotFoundError:
        say('picture     needs matplotlib: pip install "slipway-serving[plots]"')
        return
    draw(path, f"{asked.recipe}: {len(trials.told())} trials", score, trials.told(), asked.space)
    say(f"picture     {path}")
