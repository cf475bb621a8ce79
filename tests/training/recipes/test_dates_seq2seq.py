from dataclasses import replace
from functools import partial

from training.data import written_dates
from training.recipes.dates_seq2seq import RECIPE
from training.run import run
from training.seq2seq.batches import tokens_of
from training.seq2seq.kind import Answering


def test_every_text_has_room_for_its_answer() -> None:
    rows = tokens_of(written_dates.load(20_000, 1, 1).train, folds=True)

    assert max(len(row.text) for row in rows) <= int(RECIPE.data["max_source"])
    assert max(len(row.answer) for row in rows) <= int(RECIPE.data["max_target"])


def test_it_learns_from_few_dates_what_a_date_looks_like() -> None:
    config = replace(RECIPE.config, steps=20, batch_size=16)
    few = replace(RECIPE, kind=Answering(partial(written_dates.load, 320, 16, 32)), config=config)
    metrics = run(few, few.kind.load(None, few.data)).checkpoint.metrics

    assert metrics["validation_loss"] < 3  # it begins at log 258, 5.6
    assert metrics["test_perplexity"] < 20
