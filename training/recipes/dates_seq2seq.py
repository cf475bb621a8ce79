"""Dates written in nine languages to ISO dates, or any texts of yours to their answers:
`python -m training.recipes.dates_seq2seq`."""

from dataclasses import replace
from functools import partial

from training.data import written_dates
from training.recipes.recipe import OF_TOKENS, Recipe
from training.seq2seq.kind import Answering

RECIPE = Recipe(
    name="dates-seq2seq",
    summary="dates written in nine languages to ISO dates, a small encoder and decoder",
    kind=Answering(partial(written_dates.load, 48_000, 1000, 2000)),
    hyperparameters={
        "hidden_size": 96,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "encoder_layers": 2,
        "num_attention_heads": 6,
        "num_key_value_heads": 6,
        "head_dim": 16,
        "rope_theta": 100.0,  # texts are short, and neighbours must be told apart
        "tie_word_embeddings": True,
    },
    config=replace(OF_TOKENS, steps=750, batch_size=64, learning_rate=4e-3, weight_decay=0.01),
    data={
        "source": "source",
        "target": "target",
        "slices": "",
        "fold": False,
        "max_source": 128,
        "max_target": 128,
    },
)

if __name__ == "__main__":
    from training.cli import run_recipe

    run_recipe(RECIPE.name)
