"""The way of a model that writes from recipe to checkpoint, and on to a version, with what a person sees of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from training.course import changed, no_candidates, settings
from training.display import steps_shown
from training.errors import InvalidConfig
from training.export.gate import Gate
from training.language.checkpoint import LanguageMetrics, load, save
from training.language.run import run as train
from training.precision import FLOAT32, check_weights
from training.recipes.language_recipe import LanguageRecipe, Size
from training.runs import Run
from training.settings import Changes


@dataclass(frozen=True, slots=True)
class LanguageCourse:
    recipe: LanguageRecipe
    size: Size
    weights: str = FLOAT32

    @classmethod
    def of(cls, recipe: LanguageRecipe, changes: Changes) -> "LanguageCourse":
        """`size` names one of the recipe's, `weights` those of the ONNX file. Raises `InvalidConfig`."""
        rest = dict(changes)
        weights = check_weights(str(rest.pop("weights", FLOAT32)))
        wanted = rest.pop("size", next(iter(recipe.sizes)))
        if wanted not in recipe.sizes:
            raise InvalidConfig(f"size must be one of {', '.join(recipe.sizes)}, got '{wanted}'")
        size = recipe.sizes[str(wanted)]
        config, hyperparameters, _ = changed(recipe.name, size.config, size.hyperparameters, rest)
        return cls(recipe, Size(hyperparameters, config), weights)

    @property
    def name(self) -> str:
        return self.recipe.name

    @property
    def settings(self) -> Mapping[str, Any]:
        return settings(self.name, self.size.config, self.size.hyperparameters)

    def train(self, directory: Path, console: Console, run: Run) -> Mapping[str, Any]:
        with steps_shown(self.name, console) as on_step:
            checkpoint = train(self.recipe, self.size, run.trainer(on_step))
        metrics = checkpoint.metrics
        assert isinstance(metrics, LanguageMetrics)
        if run.group.is_first:
            save(checkpoint, directory)
        told = f"{metrics.held_out_perplexity:.1f} a token, {metrics.held_out_bits_per_byte:.2f} bits a byte"
        console.print(
            f"perplexity  {told} on held-out text, with {metrics.parameters:,} parameters",
            highlight=False,
            soft_wrap=True,
        )
        return asdict(metrics)

    def publish(self, directory: Path, repository: Path, gate: Gate | None = None) -> Path:
        no_candidates(self.name, gate)
        from training.export.language_package import publish  # the exporters take seconds to import

        return publish(self.recipe, load(directory), repository, self.weights)
