import pytest
import torch

from training.errors import InvalidConfig
from training.speech import spoken_digits
from training.speech.spoken_digits import DIGITS
from training.speech.utterances import Speech


@pytest.fixture(scope="module")
def data() -> Speech:
    return spoken_digits.load(40, 10, "formants")


def test_texts_are_one_to_five_digits(data: Speech) -> None:
    texts = [text.split() for split in (data.train, data.validation, data.test) for text in split.texts]
    assert len(texts) == 60
    assert {len(words) for words in texts} == {1, 2, 3, 4, 5}
    assert {word for words in texts for word in words} == set(DIGITS)


def test_labels_are_their_characters(data: Speech) -> None:
    assert data.facts == {"labels": ["<blank>", "|", *"efghinorstuvwxz"], "sample_rate": 8000}


def test_it_is_made_alike_each_time(data: Speech) -> None:
    again = spoken_digits.load(40, 10, "formants")
    assert again.fingerprint() == data.fingerprint()
    assert torch.equal(again.test.samples, data.test.samples)


def test_the_card_counts_speakers_and_digits(data: Speech) -> None:
    assert dict(data.card.kept) == {"train": 40, "validation": 10, "test": 10}
    assert sum(data.card.classes["test"].values()) == sum(len(text.split()) for text in data.test.texts)
    assert data.card.notes == ("Spoken by a formant synthesiser; speakers: 75 (train), 18 (validation), 27 (test).",)


def test_none_are_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"data\.held_out must be at least 1, got 0"):
        spoken_digits.load(1, 0)
