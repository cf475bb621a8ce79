"""Spoken digits to text, with a small convolutional network and CTC: `python -m training.recipes.spoken_digits`."""

from training.config import TrainConfig
from training.recipes.recipe import Recipe
from training.speech.kind import Transcription

RECIPE = Recipe(
    name="spoken-digits",
    summary="speech to text, a convolutional network with CTC",
    kind=Transcription(),
    hyperparameters={"bands": 40, "channels": 96, "blocks": 3, "kernel": 11, "dropout": 0.1},
    config=TrainConfig(
        loss="ctc",
        steps=600,
        batch_size=32,
        learning_rate=2e-3,
        optimizer="adamw",
        weight_decay=0.01,
        schedule="cosine",
        warm_up=0.15,
        max_gradient_norm=1.0,
        evaluations=8,
    ),
    data={"train": 2500, "held_out": 150, "voices": "auto", "sample_rate": 8000, "max_seconds": 20.0},
)

if __name__ == "__main__":
    from training.cli import run_recipe

    run_recipe(RECIPE.name)
