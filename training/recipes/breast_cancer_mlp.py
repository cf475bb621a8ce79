"""Clinical measurements with a multi-layer perceptron: `python -m training.recipes.breast_cancer_mlp`."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from training.classification.kind import Classification
from training.config import TrainConfig
from training.data import breast_cancer
from training.data.splits import Splits
from training.kind import Example
from training.models.classifier import Classifier
from training.models.mlp import Mlp
from training.models.standardize import Standardize
from training.recipes.recipe import Recipe


def load(_: Path | None, __: Mapping[str, Any]) -> Splits:
    return breast_cancer.load()


def network(hyperparameters: Mapping[str, Any], facts: Mapping[str, Any]) -> Classifier:
    features = breast_cancer.MEASUREMENTS
    mlp = Mlp(features=features, classes=len(facts["labels"]), **hyperparameters)
    return Classifier(nn.Identity(), Standardize((features,)), mlp)


def drawn(row: np.ndarray) -> Example:
    """`row` [30] as `{"inputs": [30 numbers]}`."""
    measurements = [float(f"{value:.7g}") for value in row.tolist()]  # what float32 holds, without its binary tail
    return Example("example.json", json.dumps({"inputs": measurements}).encode() + b"\n")


KIND = Classification(
    read=load,
    network=network,
    shape=lambda _: (breast_cancer.MEASUREMENTS,),
    drawn=drawn,
    input_name="features",
    meaning="the measurements as they are, in scikit-learn's order",
)
RECIPE = Recipe(
    name="breast-cancer-mlp",
    summary="clinical measurements to a diagnosis",
    kind=KIND,
    hyperparameters={"hidden": 64},
    config=TrainConfig(epochs=60, batch_size=32, learning_rate=1e-3, weight_decay=1e-4),
)

if __name__ == "__main__":
    from training.cli import run_recipe

    run_recipe(RECIPE.name)
