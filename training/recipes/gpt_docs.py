"""Python's own documentation with a small transformer that writes: `python -m training.recipes.gpt_docs`."""

from dataclasses import replace

from training.data import python_docs
from training.recipes.language_recipe import TRAINING, LanguageRecipe, Size

RECIPE = LanguageRecipe(
    name="gpt-docs",
    load=python_docs.load,
    sizes={
        "small": Size(
            {
                "vocab_size": 4096,
                "hidden_size": 128,
                "intermediate_size": 352,
                "num_hidden_layers": 4,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "head_dim": 32,
                "max_position_embeddings": 512,
                "tie_word_embeddings": True,
            },
            replace(TRAINING, steps=400, batch_size=4, context=256, learning_rate=8e-3),
        ),
        "medium": Size(
            {
                "vocab_size": 4096,
                "hidden_size": 384,
                "intermediate_size": 1024,
                "num_hidden_layers": 6,
                "num_attention_heads": 6,
                "num_key_value_heads": 2,
                "head_dim": 64,
                "max_position_embeddings": 1024,
                "tie_word_embeddings": False,
            },
            replace(TRAINING, steps=1500, batch_size=8, context=512, learning_rate=4e-3, threads=0),
        ),
    },
)

if __name__ == "__main__":
    from training.cli import run_recipe

    run_recipe(RECIPE.name)
