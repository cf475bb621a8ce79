import torch
from torch import nn

from training.models.classifier import Classifier
from training.models.standardize import Standardize
from training.state import EpochMetrics, TrainState


def _state() -> TrainState:
    model = Classifier(nn.Identity(), Standardize(), nn.Linear(1, 2))
    return TrainState(model, torch.optim.Adam(model.parameters()))


def _fill(state: TrainState, value: float) -> None:
    with torch.no_grad():
        for parameter in state.model.parameters():
            parameter.fill_(value)


def test_the_weights_of_the_best_epoch_are_kept() -> None:
    state = _state()
    for epoch, loss in enumerate((3.0, 1.0, 2.0), start=1):
        _fill(state, float(epoch))
        state.record(EpochMetrics(epoch, 0.0, loss, 0.0))

    assert state.best == EpochMetrics(2, 0.0, 1.0, 0.0)
    assert torch.equal(state.best_weights["network.bias"], torch.full((2,), 2.0))
    assert repr(state) == "<TrainState epoch 3, best 2>"


def test_the_earliest_of_equally_good_epochs_is_kept() -> None:
    state = _state()
    for epoch in (1, 2):
        state.record(EpochMetrics(epoch, 0.0, 1.0, 0.0))

    assert state.best_epoch == 1
