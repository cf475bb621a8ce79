"""Handwritten digits in scenes, found by a one-stage detector: `python -m training.recipes.digits_detector`."""

from collections.abc import Mapping

from training.config import TrainConfig, check
from training.detection import scenes
from training.detection.kind import Detection
from training.detection.options import Options
from training.detection.pictures import DetectionData
from training.recipes.recipe import Recipe
from training.settings import Value


def own(options: Options, given: Mapping[str, Value]) -> DetectionData:
    count = int(given["scenes"])
    check("data.scenes", count, count >= 1, "at least 1")
    return scenes.load(count, options)


RECIPE = Recipe(
    name="digits-detector",
    summary="handwritten digits found in scenes, or a person's own objects in pictures",
    kind=Detection(own),
    hyperparameters={"width": 16},
    config=TrainConfig(
        loss="own",
        epochs=4,
        batch_size=16,
        learning_rate=4e-3,
        optimizer="adamw",
        weight_decay=0.01,
        schedule="cosine",
        warm_up=0.05,
    ),
    data={"scenes": 4000, "side": 64, "channels": 1, "boxes": 32},
)

if __name__ == "__main__":
    from training.cli import run_recipe

    run_recipe(RECIPE.name)
