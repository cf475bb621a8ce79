"""Which part of Python's standard library a docstring is from, or any labels of your own texts: a small encoder,
`python -m training.recipes.docs_classifier`."""

from training.config import TrainConfig
from training.recipes.recipe import Recipe
from training.texts import docstrings
from training.texts.kind import Texts

KIND = Texts(docstrings.read)
RECIPE = Recipe(
    name="docs-classifier",
    summary="which part of Python's standard library a docstring is from, an encoder",
    kind=KIND,
    hyperparameters={
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "word_dropout": 0.3,
    },
    config=TrainConfig(
        epochs=25,
        batch_size=32,
        learning_rate=2e-3,
        optimizer="adamw",
        weight_decay=0.05,
        schedule="cosine",
        warm_up=0.1,
        max_gradient_norm=1.0,
        label_smoothing=0.1,
    ),
    data={"text": "text", "target": "label", "vocab_size": 4000, "max_tokens": 128},
)

if __name__ == "__main__":
    from training.cli import run_recipe

    run_recipe(RECIPE.name)
