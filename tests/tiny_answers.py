"""A recipe of a model that answers texts, trained in a second: the number of the month that a text names."""

from dataclasses import replace

from training.data.card import Card
from training.data.pairs import Pair, PairSplits
from training.data.written_dates import LANGUAGES
from training.recipes.recipe import OF_TOKENS, Recipe
from training.seq2seq.kind import Answering

PHRASES = ("{}", "in {}", "of {}", "since {}", "{} then", "all {}")
PAIRS = tuple(
    Pair(phrase.format(month), f"{number:02}")
    for number, month in enumerate(LANGUAGES["English"].months, 1)
    for phrase in PHRASES
)


def load() -> PairSplits:
    held_out = PAIRS[::7]
    train = tuple(pair for pair in PAIRS if pair not in held_out)
    counts = {"train": len(train), "validation": len(held_out), "test": len(held_out)}
    return PairSplits(train, held_out, held_out, Card("months", len(PAIRS), {}, counts), folds=True)


RECIPE = Recipe(
    name="tiny-answers",
    summary="the number of the month that a text names",
    kind=Answering(load),
    hyperparameters={
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "encoder_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "rope_theta": 100.0,
        "tie_word_embeddings": True,
    },
    config=replace(OF_TOKENS, steps=60, batch_size=16, learning_rate=4e-2, weight_decay=0.0, seed=3),
    data={"source": "source", "target": "target", "slices": "", "fold": False, "max_source": 23, "max_target": 8},
)
