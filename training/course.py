"""What `slipway train` and `slipway export` do with a recipe, of whichever kind.

Rule: parameters are checked when a course is chosen, before anything is trained.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from rich.console import Console

from training.config import OF_CLASSES, TrainConfig
from training.errors import InvalidConfig
from training.export.gate import Gate
from training.recipes.recipe import find
from training.runs import Run
from training.settings import DATA, MODEL, Changes, Value, check_known, fitting


class Course(Protocol):
    @property
    def name(self) -> str:
        """The recipe's, and the model's in the repository."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """All that decides what comes of it, but for the data: sections of parameters."""

    def train(self, directory: Path, console: Console, run: Run) -> Mapping[str, Any]:
        """Train, show how it goes and what came of it, and save the checkpoint; its metrics. Raises `TrainingError`."""

    def check_gate(self, gate: Gate | None) -> None:
        """Raises `InvalidConfig` for a gate at a model that has no candidates."""

    def publish(self, directory: Path, repository: Path, gate: Gate | None = None) -> Path:
        """The checkpoint in `directory` as the next version, whose folder it gives; with a `gate`, as the best of
        several variants. Raises `TrainingError`."""


def choose(recipe_name: str, changes: Changes, model_name: str = "", source: Path | None = None) -> Course:
    """`source` is where the user's own data are, `model_name` another than the recipe's. Raises `UnknownRecipe`,
    `InvalidConfig`, and ModuleNotFoundError where libraries are not installed."""
    recipe = find(recipe_name)
    from training.graph_course import GraphCourse  # after it, since this takes seconds to import

    return GraphCourse.of(recipe, changes, model_name, source)


def changed(
    name: str,
    config: TrainConfig,
    hyperparameters: Mapping[str, Value],
    changes: Changes,
    data: Mapping[str, Value] = MappingProxyType({}),
) -> tuple[TrainConfig, dict[str, Value], dict[str, Value]]:
    """All three, with `changes` to a recipe of that name. A length in steps takes the place of one in epochs, and the
    other way round. Raises `InvalidConfig`."""
    train = {key: value for key, value in changes.items() if not key.startswith((MODEL, DATA))}
    known = {field.name: getattr(config, field.name) for field in fields(config)}
    for key in train:
        check_known(key, known, name)
    lengths = [key for key in ("steps", "epochs") if key in train]
    other = {"steps": {"epochs": 0}, "epochs": {"steps": 0}}[lengths[0]] if len(lengths) == 1 else {}
    fitted = {key: fitting(key, value, known[key]) for key, value in train.items()}
    _check_loss(name, config.loss, fitted)
    return (
        replace(config, **{**other, **fitted}),  # type: ignore[arg-type]
        _changed_section(name, MODEL, hyperparameters, changes),
        _changed_section(name, DATA, data, changes),
    )


def _changed_section(name: str, prefix: str, known: Mapping[str, Value], changes: Changes) -> dict[str, Value]:
    given = {key.removeprefix(prefix): value for key, value in changes.items() if key.startswith(prefix)}
    for key in given:
        check_known(key, known, name, prefix)
    fitted = {key: fitting(prefix + key, value, known[key]) for key, value in given.items()}
    if prefix == MODEL:
        for key, value in fitted.items():
            _check_size(prefix + key, value)
    return {**known, **fitted}


def _check_size(name: str, value: Value) -> None:
    if type(value) is int and value < 1:
        raise InvalidConfig(f"{name} must be 1 or more, got {value}")
    if name.endswith("dropout") and not 0 <= float(value) < 1:
        raise InvalidConfig(f"{name} must be from 0 to below 1, got {value}")


def _check_loss(name: str, own: str, wanted: Mapping[str, Value]) -> None:
    loss = wanted.get("loss", own)
    if loss != own and not {own, loss} <= set(OF_CLASSES):
        choice = f"one of {', '.join(OF_CLASSES)}" if own in OF_CLASSES else f"'{own}', which is its task's"
        raise InvalidConfig(f"the loss of {name} must be {choice}, got '{loss}'")


def settings(name: str, config: TrainConfig, hyperparameters: Mapping[str, Value]) -> dict[str, Any]:
    """Sections of a run's parameters."""
    return {"recipe": name, "train": asdict(config), "model": dict(hyperparameters)}
