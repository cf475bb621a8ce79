"""A trained model on disk: `weights.safetensors` and a `checkpoint.json` that a person can read.

Rule: weights are written first and the JSON, which holds their hash, last; what doesn't match is never loaded.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as bytes_from_tensors
from torch import Tensor
from torch.nn import Module

from training import files, readable_json
from training.config import TrainConfig
from training.errors import CheckpointError, InvalidConfig
from training.state import EpochMetrics

WEIGHTS = "weights.safetensors"
DESCRIPTION = "checkpoint.json"


@dataclass(frozen=True, slots=True)
class Metrics:
    """Of the kept epoch: losses are means per row, `confusion_matrix[actual][predicted]` counts test rows."""

    best_epoch: int
    validation_loss: float
    validation_accuracy: float
    test_loss: float
    test_accuracy: float
    confusion_matrix: list[list[int]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything that rebuilds the model and says where it came from; `weights` is a safetensors file's content."""

    recipe: str
    hyperparameters: Mapping[str, int]
    config: TrainConfig
    metrics: Metrics
    history: tuple[EpochMetrics, ...]
    library_versions: Mapping[str, str]
    data_fingerprint: str
    created: str  # UTC, ISO 8601
    weights: bytes

    @property
    def weights_sha256(self) -> str:
        return hashlib.sha256(self.weights).hexdigest()

    def restore_into(self, model: Module) -> None:
        """Raises `CheckpointError` when the weights are another network's."""
        try:
            model.load_state_dict(tensors_from_bytes(self.weights))
        except (RuntimeError, SafetensorError):
            raise CheckpointError(f"the weights don't fit the network of {self.recipe}; train it again") from None


def weights_of(state: Mapping[str, Tensor]) -> bytes:
    """A state dict as a safetensors file's content, the same bytes for the same tensors."""
    content: bytes = bytes_from_tensors(dict(state))
    return content


def save(checkpoint: Checkpoint, directory: Path) -> None:
    """Replace the checkpoint in `directory`, which is created if need be."""
    files.replace(directory / WEIGHTS, checkpoint.weights)
    files.replace(directory / DESCRIPTION, readable_json.encode(_to_json(checkpoint)))


def load(directory: Path) -> Checkpoint:
    """Raises `CheckpointError` when a file is missing, unreadable, or not the one that was written."""
    description, weights = _read(directory / DESCRIPTION), _read(directory / WEIGHTS)
    try:
        document = json.loads(description)
        expected = document["weights"]["sha256"]
        checkpoint = _from_json(document, weights)
    except (ValueError, KeyError, TypeError, InvalidConfig) as error:
        raise CheckpointError(f"{directory / DESCRIPTION} is not a checkpoint ({error!r}); train again") from None
    if checkpoint.weights_sha256 != expected:
        raise CheckpointError(f"{directory / WEIGHTS} is not the file that {DESCRIPTION} describes; train again")
    return checkpoint


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise CheckpointError(f"there is no {path}; make it with `slipway train RECIPE`") from None


def _to_json(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "recipe": checkpoint.recipe,
        "created": checkpoint.created,
        "hyperparameters": dict(checkpoint.hyperparameters),
        "train_config": asdict(checkpoint.config),
        "metrics": asdict(checkpoint.metrics),
        "data_fingerprint": checkpoint.data_fingerprint,
        "library_versions": dict(checkpoint.library_versions),
        "weights": {"file": WEIGHTS, "sha256": checkpoint.weights_sha256, "size": len(checkpoint.weights)},
        "history": [asdict(epoch) for epoch in checkpoint.history],
    }


def _from_json(document: dict[str, Any], weights: bytes) -> Checkpoint:
    return Checkpoint(
        recipe=document["recipe"],
        hyperparameters=document["hyperparameters"],
        config=TrainConfig(**document["train_config"]),
        metrics=Metrics(**document["metrics"]),
        history=tuple(EpochMetrics(**epoch) for epoch in document["history"]),
        library_versions=document["library_versions"],
        data_fingerprint=document["data_fingerprint"],
        created=document["created"],
        weights=weights,
    )
