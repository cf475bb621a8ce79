"""The way of a model that answers texts from recipe to version, with what a person sees of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from training.config import TrainConfig
from training.course import changed, no_candidates, settings
from training.display import steps_shown
from training.export.gate import Gate
from training.language.checkpoint import AnswerMetrics, load, save
from training.recipes.seq2seq_recipe import Seq2seqRecipe
from training.runs import Run
from training.seq2seq.run import run as train
from training.settings import Changes


@dataclass(frozen=True, slots=True)
class Seq2seqCourse:
    recipe: Seq2seqRecipe
    config: TrainConfig

    @classmethod
    def of(cls, recipe: Seq2seqRecipe, changes: Changes) -> "Seq2seqCourse":
        """Raises `InvalidConfig`."""
        config, hyperparameters, _ = changed(recipe.name, recipe.config, recipe.hyperparameters, changes)
        return cls(replace(recipe, hyperparameters=hyperparameters), config)

    @property
    def name(self) -> str:
        return self.recipe.name

    @property
    def settings(self) -> Mapping[str, Any]:
        return settings(
            self.name, self.config, {**self.recipe.hyperparameters, "encoder_layers": self.recipe.encoder_layers}
        )

    def train(self, directory: Path, console: Console, run: Run) -> Mapping[str, Any]:
        with steps_shown(self.name, console) as on_step:
            checkpoint = train(self.recipe, self.config, run.trainer(on_step))
        metrics = checkpoint.metrics
        assert isinstance(metrics, AnswerMetrics)
        if run.group.is_first:
            save(checkpoint, directory)
        told = f"{metrics.exact_match:.1%} of {metrics.held_out_pairs} held-out texts"
        console.print(f"right       {told}, with {metrics.parameters:,} parameters", highlight=False, soft_wrap=True)
        return asdict(metrics)

    def publish(self, directory: Path, repository: Path, gate: Gate | None = None) -> Path:
        no_candidates(self.name, gate)
        from training.export.seq2seq_package import publish  # the exporters take seconds to import

        return publish(self.recipe, load(directory), repository)
