"""The way of a model that writes from recipe to checkpoint, and on to a version, with what a person sees of it."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from training.config import TrainConfig, changed
from training.course import Changes, refuse_others
from training.display import steps_shown
from training.errors import InvalidConfig
from training.language.checkpoint import LanguageMetrics, load, save
from training.language.run import run
from training.precision import FLOAT32, check_weights
from training.recipes.language_recipe import LanguageRecipe, Size


@dataclass(frozen=True, slots=True)
class LanguageCourse:
    recipe: LanguageRecipe
    size: Size
    weights: str = FLOAT32

    @classmethod
    def of(cls, recipe: LanguageRecipe, changes: Changes) -> "LanguageCourse":
        """`size` names one of the recipe's, `weights` those of the ONNX file. Raises `InvalidConfig`."""
        refuse_others(recipe.name, changes, TrainConfig, "size", "weights")
        rest = dict(changes)
        weights = check_weights(str(rest.pop("weights", FLOAT32)))
        wanted = rest.pop("size", next(iter(recipe.sizes)))
        if wanted not in recipe.sizes:
            raise InvalidConfig(f"size must be one of {', '.join(recipe.sizes)}, got '{wanted}'")
        size = recipe.sizes[str(wanted)]
        return cls(recipe, Size(size.hyperparameters, changed(size.config, rest)), weights)

    @property
    def name(self) -> str:
        return self.recipe.name

    def train(self, directory: Path, console: Console) -> None:
        with steps_shown(self.name, console) as on_step:
            checkpoint = run(self.recipe, self.size, on_step)
        metrics = checkpoint.metrics
        assert isinstance(metrics, LanguageMetrics)
        save(checkpoint, directory)
        told = f"{metrics.held_out_perplexity:.1f} a token, {metrics.held_out_bits_per_byte:.2f} bits a byte"
        console.print(
            f"perplexity  {told} on held-out text, with {metrics.parameters:,} parameters",
            highlight=False,
            soft_wrap=True,
        )

    def publish(self, directory: Path, repository: Path) -> Path:
        from training.export.language_package import publish  # the exporters take seconds to import

        return publish(self.recipe, load(directory), repository, self.weights)
