"""Handwritten digits with a small convolutional network: `python -m training.recipes.digits_cnn`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.classification.kind import Classification
from training.classification.picture import drawn
from training.config import TrainConfig
from training.data import digits
from training.data.splits import Splits
from training.models.classifier import Classifier
from training.models.cnn import Cnn
from training.models.polarity import Polarity
from training.models.standardize import Standardize
from training.recipes.recipe import Recipe


def load(_: Path | None, __: Mapping[str, Any]) -> Splits:
    return digits.load()


def network(hyperparameters: Mapping[str, Any], facts: Mapping[str, Any]) -> Classifier:
    cnn = Cnn(side=facts["side"], classes=len(facts["labels"]), **hyperparameters)
    return Classifier(Polarity(), Standardize(), cnn)


RECIPE = Recipe(
    name="digits-cnn",
    summary="handwritten digits, a convolutional network",
    kind=Classification(
        read=load,
        network=network,
        shape=lambda facts: (facts["channels"], facts["side"], facts["side"]),
        drawn=drawn,
        input_name="image",
        meaning="raw pixels, 0 to 255, either polarity",
    ),
    hyperparameters={"channels": 16, "hidden": 128},
    config=TrainConfig(epochs=40, batch_size=32, learning_rate=2e-3, weight_decay=1e-4),
    search={"channels": (8, 16, 32), "hidden": (64, 128, 256)},
)

if __name__ == "__main__":
    from training.cli import run_recipe

    run_recipe(RECIPE.name)
