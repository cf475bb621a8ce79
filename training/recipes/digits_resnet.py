"""Handwritten digits with a small residual network: `python -m training.recipes.digits_resnet`."""

from collections.abc import Mapping
from typing import Any

from training.config import TrainConfig
from training.images.kind import OPTIONS, pictures
from training.models.resnet import Resnet
from training.recipes.recipe import Recipe


def network(hyperparameters: Mapping[str, Any], facts: Mapping[str, Any]) -> Resnet:
    return Resnet(side=facts["side"], colours=facts["channels"], classes=len(facts["labels"]), **hyperparameters)


RECIPE = Recipe(
    name="digits-resnet",
    summary="handwritten digits, or pictures of your own, a small residual network",
    kind=pictures(network),
    hyperparameters={"width": 16, "depth": 1},
    config=TrainConfig(
        epochs=20,
        batch_size=32,
        learning_rate=3e-3,
        optimizer="adamw",
        weight_decay=0.05,
        schedule="cosine",
        warm_up=0.05,
    ),
    data={**OPTIONS, "shift": 0.1, "rotate": 10.0},
)

if __name__ == "__main__":
    from training.cli import run_recipe

    run_recipe(RECIPE.name)
