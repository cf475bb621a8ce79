"""The way of a model that answers texts from recipe to version, with what a person sees of it."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from training.config import TrainConfig, changed
from training.course import Changes, refuse_others
from training.display import steps_shown
from training.language.checkpoint import AnswerMetrics, load, save
from training.recipes.seq2seq_recipe import Seq2seqRecipe
from training.seq2seq.run import run


@dataclass(frozen=True, slots=True)
class Seq2seqCourse:
    recipe: Seq2seqRecipe
    config: TrainConfig

    @classmethod
    def of(cls, recipe: Seq2seqRecipe, changes: Changes) -> "Seq2seqCourse":
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
        assert isinstance(metrics, AnswerMetrics)
        save(checkpoint, directory)
        told = f"{metrics.exact_match:.1%} of {metrics.held_out_pairs} held-out texts"
        console.print(f"right       {told}, with {metrics.parameters:,} parameters", highlight=False, soft_wrap=True)

    def publish(self, directory: Path, repository: Path) -> Path:
        from training.export.seq2seq_package import publish  # the exporters take seconds to import

        return publish(self.recipe, load(directory), repository)
