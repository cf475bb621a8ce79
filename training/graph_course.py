"""The way of a model from recipe to checkpoint, and from checkpoint to version, with what a person sees of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console

from training import files
from training.checkpoint import load, save
from training.config import one_of
from training.course import changed, settings
from training.data import labels
from training.display import card_lines, steps_shown, written
from training.errors import InvalidConfig
from training.export.gate import Gate
from training.kind import Data, Writing
from training.precision import FLOAT32, check_weights
from training.recipes.recipe import Recipe
from training.report.intervals import too_few
from training.report.pages import pages
from training.run import Outcome
from training.run import run as train
from training.run_files import PAGE
from training.runs import Run, environment
from training.settings import Changes
from training.task import LESS_IS_BETTER

_LONGEST_NAME = 200  # bytes


@dataclass(frozen=True, slots=True)
class GraphCourse:
    """`source` is where the user's own data are, None for the recipe's; `weights` are those of the ONNX file, of a
    model that writes."""

    recipe: Recipe
    name: str
    source: Path | None = None
    weights: str = FLOAT32

    @classmethod
    def of(cls, recipe: Recipe, changes: Changes, name: str = "", source: Path | None = None) -> "GraphCourse":
        """Raises `InvalidConfig`."""
        recipe, rest = _sized(recipe, changes)
        weights, rest = _weights(recipe, rest)
        config, hyperparameters, data = changed(recipe.name, recipe.config, recipe.hyperparameters, rest, recipe.data)
        summary = recipe.summary if source is None else "trained on data of one's own"
        changed_recipe = replace(recipe, summary=summary, config=config, hyperparameters=hyperparameters, data=data)
        return cls(changed_recipe, _checked(name or recipe.name), source, weights)

    @property
    def settings(self) -> Mapping[str, Any]:
        recipe, source = self.recipe, str(self.source) if self.source else ""
        return {
            **settings(recipe.name, recipe.config, recipe.hyperparameters),
            "data": {**recipe.data, "source": source},
        }

    def train(self, directory: Path, console: Console, run: Run) -> Mapping[str, Any]:
        data = self.recipe.kind.load(self.source, self.recipe.data)
        labels.check(data.facts.get("labels", ()), data.card.source)
        for line in card_lines(data.card):
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        outcome = self._trained(data, console, run)
        checkpoint = outcome.checkpoint
        has_report = run.group.is_first and self._save(outcome, data, directory, run)
        for shown in self.recipe.kind.shown(outcome.answered, outcome.rows.truths, data.facts):
            console.print(shown, highlight=False, markup=False, soft_wrap=True)
        name, value = next((name, value) for name, value in checkpoint.metrics.items() if name.startswith("test_"))
        name = name.removeprefix("test_")
        told = f"{name.replace('_', ' '):11} {written(name, value)} on {len(outcome.rows):,} test rows"
        step = f"with the weights after step {checkpoint.metrics['step']}"
        console.print(f"{told}, {step}", highlight=False, soft_wrap=True)
        if name not in LESS_IS_BETTER and (words := too_few(value, len(outcome.rows))):
            console.print(f"warning     {words}", style="yellow", highlight=False, soft_wrap=True)
        if has_report:
            console.print(f"report      {run.folder / PAGE}", highlight=False, soft_wrap=True)
        return checkpoint.metrics

    def check_gate(self, gate: Gate | None) -> None:
        if gate is not None and isinstance(self.recipe.kind, Writing):
            instead = "; --weights int8 may be for it" if len(self.recipe.kind.weights) > 1 else ""
            raise InvalidConfig(f"{self.recipe.name} has no candidates{instead}")

    def publish(self, directory: Path, repository: Path, gate: Gate | None = None) -> Path:
        self.check_gate(gate)
        checkpoint, kind = load(directory), self.recipe.kind
        if isinstance(kind, Writing):
            package = import_module(kind.package)
            version: Path = package.publish(self.recipe, checkpoint, repository / self.name, self.weights)
            return version
        from training.export.package import publish  # the exporters take seconds to import

        return publish(self.recipe, checkpoint, repository / self.name, gate)

    def _save(self, outcome: Outcome, data: Data, directory: Path, run: Run) -> bool:
        """Whether there is a report of it, which is in the run's folder too."""
        written = pages(self.recipe, data, outcome, environment(run.group))
        save(replace(outcome.checkpoint, pages=written), directory)
        for name, content in written.items():
            files.replace(run.folder / name, content)
        return PAGE in written

    def _trained(self, data: Data, console: Console, run: Run) -> Outcome:
        with steps_shown(self.name, console) as on_step:
            return train(self.recipe, data, run.trainer(on_step), self.name)


def _sized(recipe: Recipe, changes: Changes) -> tuple[Recipe, Changes]:
    """With what else is changed. Raises `InvalidConfig`."""
    if not recipe.sizes or "size" not in changes:
        return recipe, changes
    wanted = str(changes["size"])
    one_of("size", wanted, tuple(recipe.sizes))
    size = recipe.sizes[wanted]
    rest = {name: value for name, value in changes.items() if name != "size"}
    return replace(recipe, hyperparameters=size.hyperparameters, config=size.config, data=size.data), rest


def _weights(recipe: Recipe, changes: Changes) -> tuple[str, Changes]:
    """And what else is changed. Raises `InvalidConfig`."""
    if not isinstance(recipe.kind, Writing) or "weights" not in changes:
        return FLOAT32, changes
    wanted = check_weights(str(changes["weights"]), recipe.kind.weights)
    return wanted, {name: value for name, value in changes.items() if name != "weights"}


def _checked(name: str) -> str:
    if re.fullmatch(r"\w[\w.-]*", name) is None or len(name.encode()) > _LONGEST_NAME:
        raise InvalidConfig(
            f"a model's name is that of a folder: letters, digits and '_', later also '-' and '.', got '{name[:100]}'"
        )
    return name
