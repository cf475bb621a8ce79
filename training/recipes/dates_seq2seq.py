"""Dates written in nine languages to ISO dates: `python -m training.recipes.dates_seq2seq`."""

from dataclasses import replace
from functools import partial

from training.data import written_dates
from training.recipes.language_recipe import TRAINING
from training.recipes.seq2seq_recipe import Seq2seqRecipe

RECIPE = Seq2seqRecipe(
    name="dates-seq2seq",
    load=partial(written_dates.load, 48_000, 2000),
    hyperparameters={
        "hidden_size": 96,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 6,
        "num_key_value_heads": 6,
        "head_dim": 16,
        "rope_theta": 100.0,  # texts are short, and neighbours must be told apart
        "tie_word_embeddings": True,
    },
    encoder_layers=2,
    config=replace(TRAINING, steps=750, batch_size=64, context=96, learning_rate=4e-3, weight_decay=0.01),
)

if __name__ == "__main__":
    from training.cli import run_recipe

    run_recipe(RECIPE.name)
