from dataclasses import replace

import numpy as np
import pytest
import torch

from training.data.splits import NAMES, Splits, by_content, numbers, split_of, unique

TARGETS = np.repeat([0, 1], [800, 200])
FEATURES = np.arange(2000.0).reshape(1000, 2)


def splits(features: np.ndarray = FEATURES, targets: np.ndarray = TARGETS) -> Splits:
    return by_content(features, targets, ("few", "many"), "a test", {"width": 2})


def rows(found: Splits) -> list[float]:
    return torch.cat([found.train.features, found.validation.features, found.test.features])[:, 0].tolist()


def test_three_fifths_train_and_one_fifth_each_validates_and_tests() -> None:
    names = [split_of(str(key).encode()) for key in range(10_000)]

    assert [names.count(name) / 10_000 for name in NAMES] == pytest.approx([0.6, 0.2, 0.2], abs=0.02)


def test_every_row_is_in_exactly_one_split() -> None:
    assert sorted(rows(splits())) == FEATURES[:, 0].tolist()


def test_a_row_stays_in_its_split_whatever_else_there_is() -> None:
    assert set(splits(FEATURES[::3], TARGETS[::3]).test.features[:, 0].tolist()) <= set(
        splits().test.features[:, 0].tolist()
    )


def test_rows_that_come_again_are_kept_once_and_counted() -> None:
    twice = splits(np.concatenate([FEATURES, FEATURES[:5], [[-0.0, 1.0]]]), np.concatenate([TARGETS, TARGETS[:6]]))

    assert twice.fingerprint() == splits().fingerprint()
    assert (twice.card.read, twice.card.dropped) == (1006, {"duplicate": 6})


def test_rows_with_different_labels_are_dropped_and_counted() -> None:
    found = splits(np.concatenate([FEATURES, FEATURES[:2]]), np.concatenate([TARGETS, [1, 1]]))

    assert sorted(rows(found)) == FEATURES[2:, 0].tolist()
    assert found.card.dropped == {"contradicting labels": 4}


def test_what_is_kept_is_counted_by_split_and_label() -> None:
    found = splits()

    assert found.card.kept == {"train": len(found.train), "validation": len(found.validation), "test": len(found.test)}
    assert found.card.classes["test"] == {
        "few": int((found.test.labels == 0).sum()),
        "many": int((found.test.labels == 1).sum()),
    }
    assert found.facts == {"labels": ["few", "many"], "width": 2}


def test_features_keep_their_labels_and_have_the_contracts_types() -> None:
    train = splits().train

    assert train.features.dtype == torch.float32
    assert train.labels.dtype == torch.int64
    assert torch.equal((train.features[:, 0] >= 1600).long(), train.labels)


def test_of_equal_keys_the_first_counts() -> None:
    assert unique([b"a", b"b", b"a", b"c", b"c"], [0, 0, 0, 0, 1]) == (
        [0, 1],
        {"duplicate": 1, "contradicting labels": 2},
    )


def test_the_fingerprint_is_of_content_and_order() -> None:
    found = splits()

    assert found.fingerprint() == splits().fingerprint()
    assert found.fingerprint() != splits(FEATURES + 1).fingerprint()
    assert found.fingerprint() != replace(found, validation=found.test, test=found.validation).fingerprint()
    assert len(found.fingerprint()) == 64


def test_pixels_become_numbers_and_tokens_stay() -> None:
    assert numbers(torch.tensor([200], dtype=torch.uint8)).dtype == torch.float32
    assert numbers(torch.tensor([200])).dtype == torch.int64
