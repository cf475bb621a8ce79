import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from tests.tiny_language import load
from training.data.documents import Document, Documents
from training.errors import InvalidConfig, InvalidData
from training.language.data import BYTES, WANTED, WINDOW, prepared, rows
from training.losses import IGNORED

DATA = prepared(load(), 400, 32)


def test_the_tokenizer_is_learnt_from_the_training_text_and_its_streams_are_that_text_again() -> None:
    words = Tokenizer.from_str(DATA.facts["tokenizer"])
    told = words.decode(DATA.test.tolist(), skip_special_tokens=False)

    assert DATA.facts["vocab_size"] == words.get_vocab_size() <= 400
    assert told.startswith("<|user|>")
    assert told.count("<|endoftext|>") == DATA.card.kept["test"]
    assert f"{len(DATA.test)} test" in DATA.card.notes[-1]


def test_the_same_text_has_the_same_fingerprint() -> None:
    fewer = Documents("fewer", load().documents[1:], 0.1)

    assert DATA.fingerprint() == prepared(load(), 400, 32).fingerprint() != prepared(fewer, 400, 32).fingerprint()


def test_every_token_but_the_first_is_wanted_once_with_its_bytes() -> None:
    found = rows(DATA.test, DATA.facts)
    wanted = found.truths[WANTED]
    words = Tokenizer.from_str(DATA.facts["tokenizer"])

    assert wanted[wanted != IGNORED].tolist() == DATA.test[1:].tolist()
    assert np.array_equal(found.inputs[WINDOW][:, 1:][wanted != IGNORED], wanted[wanted != IGNORED])
    assert found.truths[BYTES].sum() == len(words.decode(DATA.test.tolist()).encode())


def test_a_text_that_is_shorter_than_a_window_is_one_row() -> None:
    found = rows(torch.tensor([5, 6, 7]), DATA.facts)

    assert found.inputs[WINDOW].tolist() == [[5, 6, 7]]
    assert found.truths[WANTED].tolist() == [[6, 7]]


def test_of_very_many_tokens_evenly_spread_rows_are_measured() -> None:
    assert len(rows(DATA.test, DATA.facts, most=64)) == 2


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([], r"^here: of 1 texts 0 are left \(1 empty left out\), and none of them came to the train split; give more"),
        (
            [Document("", "the same text")] * 100,
            r"of 101 texts 1 are left \(1 empty, 99 duplicate left out\), and none of them came to the .* split",
        ),
    ],
)
def test_too_little_is_told_with_what_was_left_out(documents: list[Document], message: str) -> None:
    with pytest.raises(InvalidData, match=message):
        prepared(Documents("here", tuple(documents), 0.2, {"empty": 1}), 400, 32)


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"^data.vocab_size must be at least 259, got 100$"):
        prepared(load(), 100, 32)
    with pytest.raises(InvalidConfig, match=r"^data.context must be at least 2, got 1$"):
        prepared(load(), 400, 1)
