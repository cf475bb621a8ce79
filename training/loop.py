"""The training loop: Adam on shuffled mini-batches, validated after every epoch.

Rule: a seed gives the same weights to the last bit on one machine, and the process's own random state is not touched.
"""

from collections.abc import Callable
from math import isfinite

import torch
from torch.nn.functional import cross_entropy

from training.config import TrainConfig
from training.data.splits import Split, Splits
from training.determinism import deterministic
from training.errors import TrainingDiverged
from training.evaluate import evaluate
from training.models.classifier import Classifier
from training.state import EpochMetrics, TrainState

OnEpoch = Callable[[EpochMetrics], None]

_THREADS = 1  # sums come out the same on any number of cores; and so small a network is faster so


def train(build: Callable[[], Classifier], splits: Splits, config: TrainConfig, on_epoch: OnEpoch) -> TrainState:
    """Train what `build` makes on `splits.train` and return it with the weights of its best validation epoch.

    `on_epoch` is called after each epoch, in this thread. Raises `TrainingDiverged`.
    """
    with deterministic(config.seed, _THREADS):
        state = _first_state(build(), splits.train, config)
        shuffling = torch.Generator().manual_seed(config.seed)
        for _ in range(config.epochs):
            loss = _train_epoch(state, splits.train, config.batch_size, shuffling)
            state.record(_validated(state, loss, splits.validation))
            on_epoch(state.history[-1])
    state.model.load_state_dict(state.best_weights)
    state.model.eval()
    return state


def _first_state(model: Classifier, split: Split, config: TrainConfig) -> TrainState:
    model.fit_inputs(split.features)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    return TrainState(model, optimizer)


def _train_epoch(state: TrainState, split: Split, batch_size: int, shuffling: torch.Generator) -> float:
    """The mean loss per row, each batch's taken before its own step."""
    state.model.train()
    total = 0.0
    for rows in torch.randperm(len(split), generator=shuffling).split(batch_size):  # type: ignore[no-untyped-call]
        loss = cross_entropy(state.model(split.features[rows]), split.labels[rows])
        state.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        state.optimizer.step()
        total += loss.item() * len(rows)
    return total / len(split)


def _validated(state: TrainState, train_loss: float, split: Split) -> EpochMetrics:
    epoch = state.epoch + 1
    validation = evaluate(state.model, split)
    if not (isfinite(train_loss) and isfinite(validation.loss)):
        raise TrainingDiverged(f"the loss is no longer a number in epoch {epoch}; try a smaller learning rate")
    return EpochMetrics(epoch, train_loss, validation.loss, validation.accuracy)
