"""What a recipe is, and the table of those there are.

Rule: a recipe is one constant, named here by import path and imported when someone trains it; naming recipes needs
neither torch nor scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from serving.core.requests import TensorSpec
from training.config import TrainConfig
from training.errors import UnknownRecipe
from training.recipes.language_recipe import LanguageRecipe
from training.recipes.seq2seq_recipe import Seq2seqRecipe

if TYPE_CHECKING:  # for the rule above
    from torch import Tensor

    from training.data.splits import Splits
    from training.models.classifier import Classifier

RECIPES = {
    "digits-cnn": "training.recipes.digits_cnn:RECIPE",
    "breast-cancer-mlp": "training.recipes.breast_cancer_mlp:RECIPE",
    "gpt-docs": "training.recipes.gpt_docs:RECIPE",
    "dates-seq2seq": "training.recipes.dates_seq2seq:RECIPE",
}


@dataclass(frozen=True, slots=True)
class Example:
    """A file with one row that a person can send to the server."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Recipe:
    """A classifier's. `name` is the model's name in the repository too; `labels[i]` names class i."""

    name: str
    labels: tuple[str, ...]
    input: TensorSpec  # the full shape, batch dimension first
    input_meaning: str  # what a client sends, in a few words
    load: Callable[[], Splits]
    build: Callable[[Mapping[str, int]], Classifier]
    hyperparameters: Mapping[str, Any]
    config: TrainConfig
    example: Callable[[Tensor], Example]  # of one row, without batch dimension

    @property
    def output(self) -> TensorSpec:
        return TensorSpec("probabilities", "FP32", (-1, len(self.labels)))


def find(name: str) -> Recipe | LanguageRecipe | Seq2seqRecipe:
    """Raises `UnknownRecipe`, and ModuleNotFoundError where the training libraries are not installed."""
    if name not in RECIPES:
        raise UnknownRecipe(f"there is no recipe '{name}'; choose one of: {', '.join(RECIPES)}")
    module, _, constant = RECIPES[name].partition(":")
    return cast(Recipe | LanguageRecipe | Seq2seqRecipe, getattr(import_module(module), constant))
