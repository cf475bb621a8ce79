"""A recipe of a model that writes, trained in a second: what two numbers give together, in words."""

from dataclasses import replace

from training.data.documents import Document, DocumentSplits, split
from training.recipes.language_recipe import TRAINING, LanguageRecipe, Size

CONFIG = replace(TRAINING, steps=50, batch_size=4, context=32, learning_rate=2e-2, seed=3)
HYPERPARAMETERS = {
    "vocab_size": 400,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "max_position_embeddings": 128,
    "tie_word_embeddings": True,
}
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "twenty")


def load() -> DocumentSplits:
    return split(
        Document(
            f"{one} {verb} {other}", f"When you {verb} {one} and {other}, you get the {verb} of {one} and {other}."
        )
        for verb in ("add", "multiply", "subtract")
        for one in _NUMBERS
        for other in _NUMBERS
    )


RECIPE = LanguageRecipe("tiny-writer", load, {"tiny": Size(HYPERPARAMETERS, CONFIG)})
SHORT = Size(HYPERPARAMETERS, replace(CONFIG, steps=2))
