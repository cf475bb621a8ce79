"""A classifier's way from recipe to checkpoint, and from checkpoint to version, with what a person sees of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from training.checkpoint import load, save
from training.config import TrainConfig
from training.course import changed, settings
from training.display import confusion_table, steps_shown
from training.recipes.recipe import Recipe
from training.run import run as train
from training.runs import Run
from training.settings import Changes


@dataclass(frozen=True, slots=True)
class ClassifierCourse:
    recipe: Recipe
    config: TrainConfig

    @classmethod
    def of(cls, recipe: Recipe, changes: Changes) -> "ClassifierCourse":
        """Raises `InvalidConfig`."""
        config, hyperparameters = changed(recipe.name, recipe.config, recipe.hyperparameters, changes)
        return cls(replace(recipe, hyperparameters=hyperparameters), config)

    @property
    def name(self) -> str:
        return self.recipe.name

    @property
    def settings(self) -> Mapping[str, Any]:
        return settings(self.name, self.config, self.recipe.hyperparameters)

    def train(self, directory: Path, console: Console, run: Run) -> Mapping[str, Any]:
        with steps_shown(self.name, console) as on_step:
            checkpoint = train(self.recipe, self.config, run.trainer(on_step))
        metrics = checkpoint.metrics
        console.print(confusion_table(metrics.confusion_matrix, self.recipe.labels))
        if run.group.is_first:
            save(checkpoint, directory)
        told = f"{metrics.test_accuracy:.1%} on held-out rows, with the weights after step {metrics.step}"
        console.print(f"accuracy    {told}", highlight=False, soft_wrap=True)
        return asdict(metrics)

    def publish(self, directory: Path, repository: Path) -> Path:
        from training.export.package import publish  # the exporters take seconds to import

        return publish(self.recipe, load(directory), repository)
