from dataclasses import replace
from functools import partial

from training.data import written_dates
from training.language.checkpoint import AnswerMetrics
from training.recipes.dates_seq2seq import RECIPE
from training.seq2seq.batches import tokens_of
from training.seq2seq.run import run
from training.seq2seq.tokenizer import byte_tokenizer


def test_every_text_has_room_for_its_answer() -> None:
    rows = tokens_of(byte_tokenizer(), written_dates.load(20_000, 1).train)

    assert max(len(row.text) + 1 + len(row.answer) for row in rows) <= RECIPE.config.context


def test_it_learns_from_few_dates_what_a_date_looks_like() -> None:
    few = replace(RECIPE, load=partial(written_dates.load, 320, 32))
    checkpoint = run(few, replace(RECIPE.config, steps=20, batch_size=16))

    metrics = checkpoint.metrics
    assert isinstance(metrics, AnswerMetrics)
    assert metrics.held_out_loss < 3  # it begins at log 258, 5.6
    assert 400_000 < metrics.parameters < 500_000
