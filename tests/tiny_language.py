"""A recipe of a model that writes, trained in a second: what two numbers give together, in words."""

from dataclasses import replace

from training.data.documents import Document, Documents
from training.language.kind import Language
from training.recipes.recipe import OF_TOKENS, Recipe, Size

CONFIG = replace(OF_TOKENS, steps=50, batch_size=4, learning_rate=2e-2, seed=3)
HYPERPARAMETERS = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "max_position_embeddings": 128,
    "tie_word_embeddings": True,
}
CONTEXT = 32
DATA = {"text": "text", "name": "", "vocab_size": 400, "context": CONTEXT}
_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "twenty")


def load() -> Documents:
    documents = (
        Document(
            f"{one} {verb} {other}", f"When you {verb} {one} and {other}, you get the {verb} of {one} and {other}."
        )
        for verb in ("add", "multiply", "subtract")
        for one in _NUMBERS
        for other in _NUMBERS
    )
    return Documents("two numbers", tuple(documents), 0.1)


RECIPE = Recipe(
    name="tiny-writer",
    summary="what two numbers give together",
    kind=Language(load),
    hyperparameters=HYPERPARAMETERS,
    config=CONFIG,
    data=DATA,
    sizes={"tiny": Size(HYPERPARAMETERS, CONFIG, DATA)},
)
