"""Handwritten digits with a small convolutional network: `python -m training.recipes.digits_cnn`."""

from collections.abc import Mapping
from typing import Any

from training.config import TrainConfig
from training.images.kind import OPTIONS, pictures
from training.models.cnn import Cnn
from training.recipes.recipe import Recipe


def network(hyperparameters: Mapping[str, Any], facts: Mapping[str, Any]) -> Cnn:
    return Cnn(side=facts["side"], classes=len(facts["labels"]), colours=facts["channels"], **hyperparameters)


RECIPE = Recipe(
    name="digits-cnn",
    summary="handwritten digits, or pictures of your own, a convolutional network",
    kind=pictures(network),
    hyperparameters={"channels": 16, "hidden": 128},
    config=TrainConfig(epochs=40, batch_size=32, learning_rate=2e-3, weight_decay=1e-4),
    data=OPTIONS,
    search={"channels": (8, 16, 32), "hidden": (64, 128, 256)},
)

if __name__ == "__main__":
    from training.cli import run_recipe

    run_recipe(RECIPE.name)
