"""A recipe of a model that answers texts, trained in a second: the number of the month that a text names."""

from dataclasses import replace

from training.data.pairs import Pair, PairSplits
from training.data.written_dates import LANGUAGES
from training.recipes.language_recipe import TRAINING
from training.recipes.seq2seq_recipe import Seq2seqRecipe

CONFIG = replace(TRAINING, steps=60, batch_size=16, context=32, learning_rate=4e-2, weight_decay=0.0, seed=3)
_PHRASES = ("{}", "in {}", "of {}", "since {}", "{} then", "all {}")


def load() -> PairSplits:
    months = enumerate(LANGUAGES["English"].months, 1)
    pairs = [Pair(phrase.format(month), f"{number:02}") for number, month in months for phrase in _PHRASES]
    return PairSplits(tuple(pair for n, pair in enumerate(pairs) if n % 7), tuple(pairs[::7]))


RECIPE = Seq2seqRecipe(
    name="tiny-answers",
    load=load,
    hyperparameters={
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "rope_theta": 100.0,
        "tie_word_embeddings": True,
    },
    encoder_layers=1,
    config=CONFIG,
)
