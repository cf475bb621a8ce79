"""Rows of a table with a multi-layer perceptron, breast cancer's measurements unless another is given: `python -m
training.recipes.breast_cancer_mlp`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import nn

from serving.core import columns
from serving.core.columns import Column, column_of
from training.classification.kind import Classification
from training.config import TrainConfig
from training.kind import Example
from training.models.classifier import Classifier
from training.models.mlp import Mlp
from training.models.table import TableFeatures
from training.recipes.recipe import Recipe
from training.tabular import row
from training.tabular.loading import load

Facts = Mapping[str, Any]


def network(hyperparameters: Mapping[str, Any], facts: Facts) -> Classifier:
    features = TableFeatures(_columns(facts), facts["gaps"])
    mlp = Mlp(features=features.width, classes=len(facts["labels"]), **hyperparameters)
    return Classifier(nn.Identity(), features, mlp)


def drawn(numbers: np.ndarray, facts: Facts) -> Example:
    return row.drawn(numbers, _columns(facts))


def files(facts: Facts) -> Mapping[str, bytes]:
    return {columns.FILENAME: columns.encode(_columns(facts))}


def _columns(facts: Facts) -> tuple[Column, ...]:
    return tuple(map(column_of, facts["columns"]))


KIND = Classification(
    read=load,
    network=network,
    shape=lambda facts: (len(facts["columns"]),),
    drawn=drawn,
    input_name="features",
    meaning=lambda _: "a row's values as columns.json of the version says",
    files=files,
)
RECIPE = Recipe(
    name="breast-cancer-mlp",
    summary="clinical measurements to a diagnosis, or your own table's rows to their classes",
    kind=KIND,
    hyperparameters={"hidden": 64},
    config=TrainConfig(epochs=60, batch_size=32, learning_rate=1e-3, weight_decay=1e-4),
    data={
        "target": "label",
        "drop": "",
        "slices": "",
        "categories": "",
        "most_values": 64,
        "keep_duplicates": False,
    },
    search={"hidden": (32, 64, 128, 256)},
)

if __name__ == "__main__":
    from training.cli import run_recipe

    run_recipe(RECIPE.name)
