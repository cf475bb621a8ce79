"""What `slipway train` and `slipway export` do with a recipe, of whichever kind.

Rule: parameters are checked when a course is chosen, before anything is trained.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console

from training.config import TrainConfig
from training.recipes.language_recipe import LanguageRecipe
from training.recipes.recipe import find
from training.recipes.seq2seq_recipe import Seq2seqRecipe
from training.runs import Run
from training.settings import MODEL, Changes, Value, check_known, fitting


class Course(Protocol):
    @property
    def name(self) -> str:
        """The recipe's, and the model's in the repository."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that decides what comes of it, but for the data: sections of parameters."""

    def train(self, directory: Path, console: Console, run: Run) -> Mapping[str, Any]:
        """Train, show how it goes and what came of it, and save the checkpoint; its metrics. Raises `TrainingError`."""

    def publish(self, directory: Path, repository: Path) -> Path:
        """The checkpoint in `directory` as the next version, whose folder it gives. Raises `TrainingError`."""


def choose(name: str, changes: Changes) -> Course:
    """Raises `UnknownRecipe`, `InvalidConfig`, and ModuleNotFoundError where libraries are not installed."""
    recipe = find(name)
    from training.classifier_course import ClassifierCourse  # after it, since these take seconds to import
    from training.language.course import LanguageCourse
    from training.seq2seq.course import Seq2seqCourse

    if isinstance(recipe, LanguageRecipe):
        return LanguageCourse.of(recipe, changes)
    if isinstance(recipe, Seq2seqRecipe):
        return Seq2seqCourse.of(recipe, changes)
    return ClassifierCourse.of(recipe, changes)


def changed(
    name: str, config: TrainConfig, hyperparameters: Mapping[str, Value], changes: Changes
) -> tuple[TrainConfig, dict[str, Value]]:
    """Both, with `changes` to a recipe of that name. A length in steps takes the place of one in epochs, and the other
    way round. Raises `InvalidConfig`."""
    model = {key.removeprefix(MODEL): value for key, value in changes.items() if key.startswith(MODEL)}
    train = {key: value for key, value in changes.items() if not key.startswith(MODEL)}
    known = {field.name: getattr(config, field.name) for field in fields(config)}
    for key in train:
        check_known(key, known, name)
    for key in model:
        check_known(key, hyperparameters, name, MODEL)
    lengths = [key for key in ("steps", "epochs") if key in train]
    other = {"steps": {"epochs": 0}, "epochs": {"steps": 0}}[lengths[0]] if len(lengths) == 1 else {}
    fitted = {key: fitting(key, value, known[key]) for key, value in train.items()}
    parts = {key: fitting(MODEL + key, value, hyperparameters[key]) for key, value in model.items()}
    return replace(config, **{**other, **fitted}), {**hyperparameters, **parts}  # type: ignore[arg-type]


def settings(name: str, config: TrainConfig, hyperparameters: Mapping[str, Value]) -> dict[str, Any]:
    """Sections of a run's parameters."""
    return {"recipe": name, "train": asdict(config), "model": dict(hyperparameters)}
