"""What `slipway train` and `slipway export` do with a recipe, of whichever kind.

Rule: parameters are checked when a course is chosen, before anything is trained.
"""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console

from training.errors import InvalidConfig
from training.recipes.language_recipe import LanguageRecipe
from training.recipes.recipe import find
from training.recipes.seq2seq_recipe import Seq2seqRecipe

Changes = Mapping[str, int | float | str]
"""What was typed for parameters of the run, by name."""


class Course(Protocol):
    @property
    def name(self) -> str:
        """The recipe's, and the model's in the repository."""

    def train(self, directory: Path, console: Console) -> None:
        """Train, show how it goes and what came of it, and save the checkpoint. Raises `TrainingError`."""

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


def refuse_others(name: str, changes: Changes, config: type[Any], *more: str) -> None:
    """Raises `InvalidConfig` for what is neither a field of `config` nor one of `more`."""
    known = {field.name for field in fields(config)} | set(more)
    if others := [change for change in changes if change not in known]:
        raise InvalidConfig(f"{name} is not trained by {_option(others[0])}; see what it takes: slipway train --help")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
