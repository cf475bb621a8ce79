import numpy as np
import torch

from training.data.splits import Splits, stratified

LABELS = np.repeat([0, 1], [80, 20])
FEATURES = np.arange(200.0).reshape(100, 2)


def _all(splits: Splits) -> torch.Tensor:
    return torch.cat([splits.train.features, splits.validation.features, splits.test.features])


def test_three_fifths_train_and_one_fifth_each_validates_and_tests() -> None:
    splits = stratified(FEATURES, LABELS)

    assert [len(split) for split in (splits.train, splits.validation, splits.test)] == [60, 20, 20]


def test_every_row_is_in_exactly_one_split() -> None:
    assert sorted(_all(stratified(FEATURES, LABELS))[:, 0].tolist()) == FEATURES[:, 0].tolist()


def test_each_split_has_the_classes_in_the_same_proportion() -> None:
    splits = stratified(FEATURES, LABELS)

    assert [int(split.labels.sum()) for split in (splits.train, splits.validation, splits.test)] == [12, 4, 4]


def test_features_keep_their_labels_and_have_the_contracts_types() -> None:
    train = stratified(FEATURES, LABELS).train

    assert train.features.dtype == torch.float32
    assert train.labels.dtype == torch.int64
    assert torch.equal((train.features[:, 0] >= 160).long(), train.labels)


def test_the_fingerprint_is_of_content_and_order() -> None:
    splits = stratified(FEATURES, LABELS)

    assert splits.fingerprint() == stratified(FEATURES, LABELS).fingerprint()
    assert splits.fingerprint() != stratified(FEATURES + 1, LABELS).fingerprint()
    assert splits.fingerprint() != Splits(splits.train, splits.test, splits.validation).fingerprint()
    assert len(splits.fingerprint()) == 64
