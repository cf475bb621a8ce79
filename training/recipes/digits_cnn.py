"""Handwritten digits with a small convolutional network: `python -m training.recipes.digits_cnn`."""

import io
from collections.abc import Mapping

import numpy as np
from PIL import Image
from torch import Tensor

from serving.core.requests import TensorSpec
from training.config import TrainConfig
from training.data import digits
from training.models.classifier import Classifier
from training.models.cnn import Cnn
from training.models.polarity import Polarity
from training.models.standardize import Standardize
from training.recipes.recipe import Example, Recipe

_SCALE = 20  # an example is 160 pixels wide, which a person can look at


def build(hyperparameters: Mapping[str, int]) -> Classifier:
    return Classifier(Polarity(), Standardize(), Cnn(**hyperparameters))


def example(row: Tensor) -> Example:
    """`row` [1, 8, 8] as a grey PNG, dark ink on white paper, each pixel a square of 20 x 20."""
    paper = (255 - row[0]).round().numpy().astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(np.kron(paper, np.ones((_SCALE, _SCALE), dtype=np.uint8))).save(buffer, format="PNG")
    return Example("example.png", buffer.getvalue())


RECIPE = Recipe(
    name="digits-cnn",
    labels=digits.LABELS,
    input=TensorSpec("image", "FP32", (-1, 1, digits.SIDE, digits.SIDE)),
    input_meaning="raw pixels, 0 to 255, either polarity",
    load=digits.load,
    build=build,
    hyperparameters={"side": digits.SIDE, "channels": 16, "hidden": 128, "classes": len(digits.LABELS)},
    config=TrainConfig(epochs=40, batch_size=32, learning_rate=2e-3, weight_decay=1e-4),
    example=example,
)

if __name__ == "__main__":
    from training.cli import run_recipe

    run_recipe(RECIPE.name)
