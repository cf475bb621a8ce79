from dataclasses import replace

import pytest

from tests.tiny_answers import load
from training.errors import InvalidConfig
from training.losses import IGNORED
from training.seq2seq.batches import Tokens
from training.seq2seq.data import READ, WANTED, WRITTEN, pairs_of, prepared, rows
from training.seq2seq.tokenizer import BEGIN_ID, END_ID


def test_rows_are_filled_up_and_their_pairs_are_found_again() -> None:
    pairs = [Tokens([5, 6, 7], [8, 9]), Tokens([4], [3])]
    made = rows(pairs)

    assert made.inputs[READ].tolist() == [[5, 6, 7], [0, 0, 4]]
    assert made.inputs[WRITTEN].tolist() == [[BEGIN_ID, 8, 9, END_ID], [BEGIN_ID, 3, END_ID, END_ID]]
    assert made.truths[WANTED].tolist() == [[8, 9, END_ID], [3, END_ID, IGNORED]]
    assert pairs_of(made) == pairs


def test_there_are_positions_for_the_longest_text_and_answer() -> None:
    data = prepared(load(), (23, 8))

    assert data.facts == {"folds": True, "positions": 32}
    assert (len(data.train), len(data.test)) == (61, 11)


def test_pairs_that_there_are_no_positions_for_are_refused() -> None:
    with pytest.raises(
        InvalidConfig, match=r"^data.max_source must be at least 15, as there are such long ones, got 9$"
    ):
        prepared(load(), (9, 8))


def test_a_fingerprint_tells_texts_answers_and_sides() -> None:
    splits = load()
    others = [
        replace(splits, train=splits.train[::-1]),
        replace(splits, train=splits.train[:-1]),
        replace(splits, train=splits.train[:-1], validation=(splits.train[-1], *splits.validation)),
        replace(splits, folds=False),
    ]
    found = [prepared(each, (23, 8)).fingerprint() for each in (splits, load(), *others)]

    assert found[0] == found[1]
    assert len(set(found)) == 5
