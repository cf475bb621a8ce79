"""Handwritten digits with a small vision transformer: `python -m training.recipes.digits_vit`."""

from collections.abc import Mapping
from typing import Any

from training.config import TrainConfig
from training.images.kind import OPTIONS, pictures
from training.models.vit import Vit
from training.recipes.recipe import Recipe


def network(hyperparameters: Mapping[str, Any], facts: Mapping[str, Any]) -> Vit:
    return Vit(side=facts["side"], colours=facts["channels"], classes=len(facts["labels"]), **hyperparameters)


RECIPE = Recipe(
    name="digits-vit",
    summary="handwritten digits, or pictures of your own, a small vision transformer",
    kind=pictures(network),
    hyperparameters={"patches": 4, "width": 64, "heads": 4, "depth": 3},
    config=TrainConfig(
        epochs=12,
        batch_size=32,
        learning_rate=4e-3,
        optimizer="muon",
        weight_decay=0.05,
        schedule="cosine",
        warm_up=0.05,
        max_gradient_norm=1.0,
    ),
    data=OPTIONS,
)

if __name__ == "__main__":
    from training.cli import run_recipe

    run_recipe(RECIPE.name)
