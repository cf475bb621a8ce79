"""Python's own documentation, or any text of yours, with a small transformer that writes:
`python -m training.recipes.gpt_docs`."""

from dataclasses import replace

from training.data import python_docs
from training.language.kind import Language
from training.recipes.recipe import OF_TOKENS, Recipe, Size
from training.settings import Value

_DATA: dict[str, Value] = {"text": "text", "name": "", "vocab_size": 4096, "context": 256}
SMALL = Size(
    {
        "hidden_size": 128,
        "intermediate_size": 352,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "max_position_embeddings": 512,
        "tie_word_embeddings": True,
    },
    replace(OF_TOKENS, steps=400, batch_size=4, learning_rate=8e-3),
    _DATA,
)
MEDIUM = Size(
    {
        "hidden_size": 384,
        "intermediate_size": 1024,
        "num_hidden_layers": 6,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "head_dim": 64,
        "max_position_embeddings": 1024,
        "tie_word_embeddings": False,
    },
    replace(OF_TOKENS, steps=1500, batch_size=8, learning_rate=4e-3, threads=0),
    {**_DATA, "context": 512},
)

RECIPE = Recipe(
    name="gpt-docs",
    summary="writes like Python's documentation, a small transformer",
    kind=Language(python_docs.load),
    hyperparameters=SMALL.hyperparameters,
    config=SMALL.config,
    data=SMALL.data,
    sizes={"small": SMALL, "medium": MEDIUM},
)

if __name__ == "__main__":
    from training.cli import run_recipe

    run_recipe(RECIPE.name)
