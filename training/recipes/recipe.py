"""What a recipe is, and the table of those there are.

Rule: a recipe is one constant, named here by import path and imported when someone trains it; naming recipes needs
neither torch nor scikit-learn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from serving.core.did_you_mean import did_you_mean
from training.config import TrainConfig
from training.errors import UnknownRecipe
from training.recipes.language_recipe import LanguageRecipe
from training.recipes.seq2seq_recipe import Seq2seqRecipe
from training.settings import Value

if TYPE_CHECKING:  # for the rule above
    from training.kind import Kind

RECIPES = {
    "digits-cnn": "training.recipes.digits_cnn:RECIPE",
    "digits-resnet": "training.recipes.digits_resnet:RECIPE",
    "digits-vit": "training.recipes.digits_vit:RECIPE",
    "breast-cancer-mlp": "training.recipes.breast_cancer_mlp:RECIPE",
    "digits-diffusion": "training.recipes.digits_diffusion:RECIPE",
    "shop-recommender": "training.recipes.shop_recommender:RECIPE",
    "spoken-digits": "training.recipes.spoken_digits:RECIPE",
    "gpt-docs": "training.recipes.gpt_docs:RECIPE",
    "dates-seq2seq": "training.recipes.dates_seq2seq:RECIPE",
    "docs-classifier": "training.recipes.docs_classifier:RECIPE",
    "digits-detector": "training.recipes.digits_detector:RECIPE",
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """Of a model that is one graph. `name` is the model's name in the repository too, unless it is trained under
    another; `data` are options of how the data are read, `search` what is worth trying for hyper-parameters."""

    name: str
    summary: str
    kind: Kind[Any]
    hyperparameters: Mapping[str, Value]
    config: TrainConfig
    data: Mapping[str, Value] = field(default_factory=dict)
    search: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)


AnyRecipe = Recipe | LanguageRecipe | Seq2seqRecipe


def find(name: str) -> AnyRecipe:
    """Raises `UnknownRecipe`, and ModuleNotFoundError where the training libraries are not installed."""
    if name not in RECIPES:
        raise UnknownRecipe(f"there is no recipe '{name}'{did_you_mean(name, RECIPES)}")
    module, _, constant = RECIPES[name].partition(":")
    return cast(AnyRecipe, getattr(import_module(module), constant))
