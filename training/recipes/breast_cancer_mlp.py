"""Clinical measurements with a multi-layer perceptron: `python -m training.recipes.breast_cancer_mlp`."""

import json
from collections.abc import Mapping

from torch import Tensor, nn

from serving.core.requests import TensorSpec
from training.config import TrainConfig
from training.data import breast_cancer
from training.models.classifier import Classifier
from training.models.mlp import Mlp
from training.models.standardize import Standardize
from training.recipes.recipe import Example, Recipe


def build(hyperparameters: Mapping[str, int]) -> Classifier:
    return Classifier(nn.Identity(), Standardize((hyperparameters["features"],)), Mlp(**hyperparameters))


def example(row: Tensor) -> Example:
    """`row` [30] as `{"inputs": [30 numbers]}`."""
    measurements = [float(f"{value:.7g}") for value in row.tolist()]  # what float32 holds, without its binary tail
    return Example("example.json", json.dumps({"inputs": measurements}).encode() + b"\n")


RECIPE = Recipe(
    name="breast-cancer-mlp",
    labels=breast_cancer.LABELS,
    input=TensorSpec("features", "FP32", (-1, breast_cancer.MEASUREMENTS)),
    input_meaning="the measurements as they are, in scikit-learn's order",
    load=breast_cancer.load,
    build=build,
    hyperparameters={
        "features": breast_cancer.MEASUREMENTS,
        "hidden": 64,
        "classes": len(breast_cancer.LABELS),
    },
    config=TrainConfig(epochs=60, batch_size=32, learning_rate=1e-3, weight_decay=1e-4),
    example=example,
)

if __name__ == "__main__":
    from training.cli import run_recipe

    run_recipe(RECIPE.name)
