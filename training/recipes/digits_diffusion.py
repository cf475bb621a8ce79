"""Handwritten digits out of noise, with a small diffusion model: `python -m training.recipes.digits_diffusion`."""

from training.config import TrainConfig
from training.pictures.kind import PictureMaking
from training.recipes.recipe import Recipe

_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

RECIPE = Recipe(
    name="digits-diffusion",
    summary="handwritten digits out of noise, a class-conditional diffusion model",
    kind=PictureMaking(tuple(f"{name}, {number}" for number, name in enumerate(_NAMES))),
    hyperparameters={"hidden": 192, "blocks": 2, "steps": 12, "guidance": 1.5},
    config=TrainConfig(
        loss="own",
        steps=1500,
        batch_size=128,
        learning_rate=2e-3,
        optimizer="adamw",
        schedule="cosine",
        warm_up=0.02,
        evaluations=5,
    ),
    data={"side": 0, "channels": 0},
)

if __name__ == "__main__":
    from training.cli import run_recipe

    run_recipe(RECIPE.name)
