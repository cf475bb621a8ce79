"""A run's state on disk, so that a run that was cut off goes on as if nothing had been.

Rule: a snapshot is whole or absent; it holds numbers only, and is read as such.
"""

import io
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from training import files
from training.errors import CheckpointError
from training.group import Group
from training.state import Point, TrainState

_PREFIX = "step-"


@dataclass(slots=True)
class Snapshots:
    """In `directory`, every so many `seconds`, of a run that `identity` names: what is trained on what, and how. The
    last `kept` stay until the run is over."""

    directory: Path
    identity: str
    seconds: float
    kept: int = 2
    _last: float = field(default_factory=time.monotonic)

    def is_due(self) -> bool:
        return time.monotonic() - self._last >= self.seconds

    def save(self, state: TrainState, group: Group) -> None:
        """Every process has to call it. Raises OSError."""
        document = _document(state, group, self.identity)
        if group.is_first:
            buffer = io.BytesIO()
            torch.save(document, buffer)
            files.replace(self._path(state.step), buffer.getvalue())
            for old in self._files()[: -self.kept]:
                old.unlink()
        self._last = time.monotonic()

    def restore(self, state: TrainState, group: Group) -> bool:
        """Into `state`, the one that the first process sees as the last; False where there is none. Raises
        `CheckpointError` for one of another run."""
        found = self._files()
        step = round(group.sum(int(found[-1].stem.removeprefix(_PREFIX)) if found and group.is_first else 0))
        if not step:
            return False
        path = self._path(step)
        document = _read(path)
        if document["identity"] != self.identity:
            raise CheckpointError(f"{path} is of a run with other parameters or data; start anew with --fresh")
        _restore(state, document, group)
        return True

    def remove(self) -> None:
        """The run is over."""
        for path in self._files():
            path.unlink()

    def _path(self, step: int) -> Path:
        return self.directory / f"{_PREFIX}{step:08}.pt"

    def _files(self) -> list[Path]:
        return sorted(self.directory.glob(f"{_PREFIX}*.pt"))


def _document(state: TrainState, group: Group, identity: str) -> dict[str, Any]:
    return {
        "identity": identity,
        "model": group.weights(state.model),
        "optimizers": [group.of_optimizer(state.model, each) for each in state.optimizers],
        "scaler": state.scaler.state_dict(),
        "loss_sum": group.sum(state.loss_sum.item()),
        "weight_sum": group.sum(state.weight_sum),
        "numbers": {name: getattr(state, name) for name in _NUMBERS},
        "history": [asdict(point) for point in state.history],
        "best_weights": state.best_weights,
    }


_NUMBERS = ("step", "pass_number", "taken", "best_step", "best_loss")


def _restore(state: TrainState, document: dict[str, Any], group: Group) -> None:
    group.set_weights(state.model, document["model"])
    for optimizer, content in zip(state.optimizers, document["optimizers"], strict=True):
        group.set_optimizer(state.model, optimizer, content)
    state.scaler.load_state_dict(document["scaler"])
    if group.is_first:  # what all have together
        state.loss_sum.fill_(document["loss_sum"])
        state.weight_sum = document["weight_sum"]
    for name, value in document["numbers"].items():
        setattr(state, name, value)
    state.history = [Point(**point) for point in document["history"]]
    state.best_weights = document["best_weights"]


def _read(path: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle, zip and torch each have their own
        raise CheckpointError(f"{path} can't be read ({error!r}); remove it") from None
    return document
