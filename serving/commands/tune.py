"""`slipway tune`: measures at length what a server measures briefly when it loads a model, and shows the curves.

Rule: what comes of it is where the next load looks; the last line is JSON, for programs.
"""

import json
import os
import shlex
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serving.commands import places
from serving.commands.published import repository_of
from serving.commands.request import fail
from serving.core.model_code import ModelCode, refuse_code
from serving.errors import ModelLoadFailed

if TYPE_CHECKING:  # heavier than `slipway --help` should be
    from serving.core.model_config import ModelConfig
    from serving.engine.measuring import Measurement
    from serving.scheduling.tuning import Question, Tuning


@dataclass(frozen=True, slots=True)
class _Subject:
    """The version in `directory`, and what its config leaves open."""

    directory: Path
    config: "ModelConfig"
    question: "Question"

    @property
    def next_load(self) -> str:
        """What a server makes of what was measured, in words; "" where it takes it."""
        from serving.core.tuning_config import AUTO_TUNE, auto_tune

        if self.question.instances and self.question.threads:
            return "config.pbtxt sets both instances and threads, which a server goes by"
        return "" if auto_tune(self.config) else f"parameters.{AUTO_TUNE} is false, so that a server takes none of it"


def tune(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    model_repository: Annotated[list[str] | None, typer.Argument(help=places.HELP)] = None,
    version: Annotated[str, typer.Option(help="A number; unless given, the latest.", show_default=False)] = "",
    seconds: Annotated[float, typer.Option(min=1, help="How long to measure, for all settings together.")] = 20,
    model_cache: Annotated[
        Path | None,
        typer.Option(
            envvar="SLIPWAY_MODEL_CACHE", show_envvar=False, help="Folder that models from elsewhere are fetched into."
        ),
    ] = None,
    model_code: Annotated[
        ModelCode, typer.Option(envvar="SLIPWAY_MODEL_CODE", show_envvar=False, help="As for a server.")
    ] = ModelCode.LOCAL,
    plot: Annotated[
        Path | None, typer.Option(help="Where the curves go; unless given, beside what is kept of the measurement.")
    ] = None,
) -> None:
    """Measure how many instances and threads suit a model on this machine's CPU, and draw throughput and latency.

    [bold]Examples[/bold]

    [cyan]slipway tune digits-cnn[/cyan]  of ./model_repository

    [cyan]slipway tune flowers my_models --seconds 60[/cyan]  of another; longer, where the machine is busy

    A server does the same at a model's first load, in 3 seconds; what is measured here takes their place. It goes for
    the highest throughput, with parameters.latency_objective_ms in config.pbtxt within that. Nothing else should run.
    """
    from serving.engine.trial_run import UNFINISHED
    from serving.engine.tuning_cache import TuningCache
    from serving.scheduling.tuning import choose

    try:
        subject = _subject(model, places.chosen(model_repository or []), version, model_cache, model_code)
        measurement = _measured(subject, seconds)
        kept = TuningCache(subject.directory, subject.config, subject.question, model_cache).write(measurement)
    except ModelLoadFailed as error:
        failed = fail("tune", error)
        if any(thread.name == UNFINISHED for thread in threading.enumerate()):
            os._exit(failed.exit_code)  # nothing can interrupt a runtime, and the interpreter would wait for it
        raise failed from None
    tuning = choose(subject.question, measurement.measured, measurement.disturbed)
    _show(measurement, tuning)
    place = plot or (Path(f"{model}-tuning.png") if kept is None else kept.with_suffix(".png"))
    drawn = _pictured(place, f"{model}, version {subject.directory.name}", measurement, tuning)
    if subject.next_load:
        typer.echo(subject.next_load)
    elif kept is None:
        typer.echo("It can't be kept, neither in the model's folder nor in the user's; the next load measures again.")
    else:
        typer.echo(f"kept:  {kept}, where the next load finds it")
        typer.echo(f"next:  slipway serve {shlex.quote(str(subject.directory.parent.parent))}")
    typer.echo(json.dumps(_document(model, subject, measurement, tuning, kept, drawn)))


def _subject(
    model: str, repositories: list[str], version: str, model_cache: Path | None, model_code: ModelCode
) -> _Subject:
    from serving.backends.cores import usable_cores
    from serving.core.model_config import select_versions
    from serving.core.tuning_config import why_not
    from serving.engine.config_completion import completed_config
    from serving.engine.tuner import question_of

    other = "another repository is named after the model: slipway tune MODEL FOLDER"
    repository = repository_of(model, repositories, other, model_cache)
    written, config = repository.config(model), completed_config(repository, model)
    refuse_code(config, repository.elsewhere(model), model_code)
    if reason := why_not(config):
        raise ModelLoadFailed(f"'{model}' has nothing to measure: {reason}")
    there = repository.versions(model)
    number = version or str((select_versions(config, there) or there)[-1])
    if number not in map(str, there):
        raise ModelLoadFailed(f"'{model}' has no version '{version[:20]}'; it has {', '.join(map(str, there))}")
    return _Subject(
        repository.version_directory(model, int(number)), config, question_of(written, config, usable_cores())
    )


def _measured(subject: _Subject, seconds: float) -> "Measurement":
    from serving.engine.trial_run import at_length, try_out

    with _progress(f"measuring on {subject.question.cores} cores") as told:
        return try_out(subject.directory, subject.config, subject.question, at_length(seconds), told)


@contextmanager
def _progress(words: str) -> Iterator[Callable[[float], object]]:
    """Gives the function to call with the share that is done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn(words), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=1.0)
        yield lambda share: progress.update(task, completed=share)


def _show(measurement: "Measurement", tuning: "Tuning") -> None:
    from rich.console import Console

    from serving.commands.tuning_table import drawn

    Console().print(drawn(measurement.measured, tuning))
    is_open = 1 < tuning.enough_rows == tuning.question.max_batch_size
    more = "a larger max_batch_size may bring more" if is_open else "more bring less than 5 %"
    typer.echo(f"{tuning}; from {tuning.enough_rows} rows on, {more}")
    if measurement.is_disturbed:
        typer.echo(
            f"Other work took the cores {measurement.disturbed:.0%} of the time; measure again when it is quiet."
        )


def _pictured(path: Path, title: str, measurement: "Measurement", tuning: "Tuning") -> Path | None:
    """The picture's place; None, and why, where there is none."""
    try:
        from serving.commands.tuning_plot import draw

        draw(path, title, measurement.measured, tuning)
    except ModuleNotFoundError as error:
        typer.echo(f"no plot: {error.name} is not installed; pip install 'slipway-serving[plots]'")
        return None
    except (OSError, ValueError) as error:
        typer.echo(f"no plot: {path} can't be written: {getattr(error, 'strerror', None) or error}")
        return None
    typer.echo(f"plot:  {path}")
    return path


def _document(
    model: str, subject: _Subject, measurement: "Measurement", tuning: "Tuning", kept: Path | None, drawn: Path | None
) -> dict[str, object]:
    best = tuning.peaks[0]
    return {
        "model": model,
        "version": subject.directory.name,
        "cores": tuning.question.cores,
        "instances": best.setting.instances,
        "threads": best.setting.threads,
        "rows": best.rows,
        "rows_per_second": round(best.rate, 1),
        "enough_rows": tuning.enough_rows,
        "latency_objective_ms": tuning.question.objective * 1000 or None,
        "is_within_objective": tuning.is_within,
        "disturbed": round(measurement.disturbed, 3),
        "measured": [
            {
                "instances": it.setting.instances,
                "threads": it.setting.threads,
                "rows": it.rows,
                "seconds": it.seconds,
                "rows_per_second": round(it.rate, 1),
            }
            for it in measurement.measured
        ],
        "kept": kept and str(kept),
        "plot": drawn and str(drawn),
    }
