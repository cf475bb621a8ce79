from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from training.data.splits import split_of
from training.errors import InvalidData
from training.images.found import TEST, TRAIN, VALIDATION, Found, splits_of

PIXELS = np.random.default_rng(0).integers(0, 256, (100, 1, 4, 4), np.uint8)
FOUND = Found(PIXELS, np.arange(100) % 2, ("",) * 100, ("cat", "dog"), 100)


def given(names: Sequence[str]) -> Found:
    return replace(FOUND, given=tuple(names))


def test_the_hash_of_its_pixels_decides_a_pictures_split() -> None:
    found = splits_of(FOUND, "here")

    assert len(found.train) + len(found.validation) + len(found.test) == 100
    assert {split_of(row.numpy().tobytes()) for row in found.test.features} == {TEST}
    assert found.facts == {"labels": ["cat", "dog"], "channels": 1, "side": 4, "is_ink": False}


def test_what_is_given_to_be_tested_is_and_the_rest_is_not() -> None:
    found = splits_of(given([TEST] * 20 + [TRAIN] * 80), "here")

    assert np.array_equal(found.test.features.numpy(), PIXELS[:20])
    assert 50 < len(found.train) < 75
    assert len(found.train) + len(found.validation) == 80


def test_with_rows_to_validate_given_the_test_rows_are_of_those_to_train_on() -> None:
    found = splits_of(given([VALIDATION] * 20 + [TRAIN] * 80), "here")

    assert np.array_equal(found.validation.features.numpy(), PIXELS[:20])
    assert {split_of(row.numpy().tobytes()) for row in found.test.features} == {TEST}


def test_a_picture_that_is_both_trained_on_and_tested_is_tested_only() -> None:
    again = replace(
        given([TRAIN] * 100 + [TEST] * 20),
        pixels=np.concatenate([PIXELS, PIXELS[:20]]),
        targets=np.arange(120) % 2,
        read=120,
    )
    found = splits_of(again, "here")

    assert found.card.dropped == {"duplicate": 20}
    assert len(found.test) == 20
    assert len(found.train) + len(found.validation) == 80


def test_a_picture_under_two_labels_is_dropped_with_both_counted() -> None:
    twice = replace(
        FOUND,
        pixels=np.concatenate([PIXELS, PIXELS[:1]]),
        targets=np.append(FOUND.targets, 1),
        given=("",) * 101,
        dropped={"unreadable": 3},
        read=104,
    )
    card = splits_of(twice, "here").card

    assert card.dropped == {"unreadable": 3, "contradicting labels": 2}
    assert card.read == sum(card.dropped.values()) + sum(card.kept.values())


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (replace(FOUND, targets=np.zeros(100, int), labels=("cat",)), "pictures of only 'cat'; .* two classes"),
        (replace(FOUND, targets=(np.arange(100) == 3) + 0), "1 usable pictures of 'dog', at least 5 are needed"),
        (given([TEST] * 100), "none came to the train split"),
        (given([TEST if number % 2 else TRAIN for number in range(100)]), "no picture of 'dog' to train on"),
    ],
)
def test_what_no_classes_can_be_learnt_from_is_told_in_a_line(found: Found, message: str) -> None:
    with pytest.raises(InvalidData, match=message) as raised:
        splits_of(found, "here")
    assert "\n" not in str(raised.value)
