from dataclasses import replace

import pytest
import torch
from torch import nn

from training.config import TrainConfig
from training.data.splits import Split, Splits
from training.errors import TrainingDiverged
from training.loop import train
from training.models.classifier import Classifier
from training.models.mlp import Mlp
from training.models.standardize import Standardize
from training.state import EpochMetrics, TrainState

CONFIG = TrainConfig(epochs=4, batch_size=7, learning_rate=0.01, seed=3)


def _rows(count: int, seed: int) -> Split:
    """Two clouds that a line can part."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    features = torch.randn(count, 2, generator=generator) + 6 * labels[:, None]
    return Split(features, labels)


SPLITS = Splits(_rows(64, 1), _rows(20, 2), _rows(20, 3))


def _build() -> Classifier:
    return Classifier(nn.Dropout(0.1), Standardize((2,)), Mlp(features=2, hidden=8, classes=2))


def _train(config: TrainConfig, splits: Splits = SPLITS) -> TrainState:
    return train(_build, splits, config, lambda _: None)


def _equal(one: TrainState, other: TrainState) -> bool:
    pairs = zip(one.model.state_dict().values(), other.model.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_what_can_be_learned_is_learned() -> None:
    assert _train(replace(CONFIG, epochs=20)).best.validation_accuracy >= 0.95


def test_the_same_seed_gives_the_same_weights_to_the_last_bit() -> None:
    first = _train(CONFIG)
    torch.rand(100)  # the process's random state has no part in it

    second = _train(CONFIG)

    assert _equal(first, second)
    assert first.history == second.history


def test_another_seed_gives_other_weights() -> None:
    assert not _equal(_train(CONFIG), _train(replace(CONFIG, seed=4)))


def test_the_processs_own_random_state_is_left_as_it_was() -> None:
    before = torch.get_rng_state()
    _train(CONFIG)

    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.are_deterministic_algorithms_enabled()


def test_every_epoch_is_reported_once_and_in_order() -> None:
    seen: list[EpochMetrics] = []
    state = train(_build, SPLITS, CONFIG, seen.append)

    assert seen == state.history
    assert [metrics.epoch for metrics in seen] == [1, 2, 3, 4]


def test_the_returned_model_has_the_best_epochs_weights_and_is_in_evaluation_mode() -> None:
    state = _train(replace(CONFIG, learning_rate=0.5))

    assert all(torch.equal(tensor, state.best_weights[name]) for name, tensor in state.model.state_dict().items())
    assert state.best.validation_loss == min(metrics.validation_loss for metrics in state.history)
    assert not state.model.training


def test_inputs_are_standardised_with_the_training_rows_alone() -> None:
    state = train(lambda: Classifier(nn.Identity(), Standardize((2,)), Mlp(2, 8, 2)), SPLITS, CONFIG, lambda _: None)

    assert torch.allclose(state.model.standardize.mean, SPLITS.train.features.mean(dim=0))


def test_a_batch_may_be_larger_than_the_set() -> None:
    assert _train(replace(CONFIG, batch_size=1000)).epoch == 4


def test_a_loss_that_is_no_number_stops_the_run() -> None:
    broken = Split(torch.full((4, 2), float("nan")), torch.tensor([0, 1, 0, 1]))

    with pytest.raises(TrainingDiverged, match="epoch 1; try a smaller learning rate"):
        _train(CONFIG, Splits(broken, SPLITS.validation, SPLITS.test))
