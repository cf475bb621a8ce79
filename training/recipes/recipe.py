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


OF_TOKENS = TrainConfig(
    batch_size=1,
    learning_rate=1e-3,
    steps=1,
    loss="own",
    optimizer="muon",
    weight_decay=0.1,
    schedule="cosine",
    warm_up=0.05,
    max_gradient_norm=1.0,
    evaluations=5,
    keep="last",
)
"""What suits models that write tokens; steps, sizes and learning rates are each recipe's own."""


@dataclass(frozen=True, slots=True)
class Size:
    """What a recipe has for a model of that size."""

    hyperparameters: Mapping[str, Value]
    config: TrainConfig
    data: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Recipe:
    """`name` is the model's name in the repository too, unless it is trained under another; `data` are options of how
    the data are read, `search` what is worth trying for hyper-parameters, and `sizes` what else there is to choose, of
    which the first is what the recipe has."""

    name: str
    summary: str
    kind: Kind[Any]
    hyperparameters: Mapping[str, Value]
    config: TrainConfig
    data: Mapping[str, Value] = field(default_factory=dict)
    search: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    sizes: Mapping[str, Size] = field(default_factory=dict)


def find(name: str) -> Recipe:
    """Raises `UnknownRecipe`, and ModuleNotFoundError where the training libraries are not installed."""
    if name not in RECIPES:
        raise UnknownRecipe(f"there is no recipe '{name}'{did_you_mean(name, RECIPES)}")
    module, _, constant = RECIPES[name].partition(":")
    return cast(Recipe, getattr(import_module(module), constant))
