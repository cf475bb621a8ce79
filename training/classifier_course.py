"""A classifier's way from recipe to checkpoint, and from checkpoint to version, with what a person sees of it."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from training.checkpoint import load, save
from training.config import TrainConfig, changed
from training.course import Changes, refuse_others
from training.display import confusion_table, steps_shown
from training.recipes.recipe import Recipe
from training.run import run


@dataclass(frozen=True, slots=True)
class ClassifierCourse:
    recipe: Recipe
    config: TrainConfig

    @classmethod
    def of(cls, recipe: Recipe, changes: Changes) -> "ClassifierCourse":
        """Raises `InvalidConfig`."""
        refuse_others(recipe.name, changes, TrainConfig)
        return cls(recipe, changed(recipe.config, changes))

    @property
    def name(self) -> str:
        return self.recipe.name

    def train(self, directory: Path, console: Console) -> None:
        with steps_shown(self.name, console) as on_step:
            checkpoint = run(self.recipe, self.config, on_step)
        metrics = checkpoint.metrics
        console.print(confusion_table(metrics.confusion_matrix, self.recipe.labels))
        save(checkpoint, directory)
        told = f"{metrics.test_accuracy:.1%} on held-out rows, with the weights after step {metrics.step}"
        console.print(f"accuracy    {told}", highlight=False, soft_wrap=True)

    def publish(self, directory: Path, repository: Path) -> Path:
        from training.export.package import publish  # the exporters take seconds to import

        return publish(self.recipe, load(directory), repository)
