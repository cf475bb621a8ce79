"""A trained model on disk: `weights.safetensors` and a `checkpoint.json` that a person can read.

Rule: weights are written first and the JSON, which holds their hash, last; what doesn't match is never loaded.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training import checkpoint_files
from training.checkpoint_files import DESCRIPTION, WEIGHTS, described, no_checkpoint, read, verify
from training.config import TrainConfig
from training.errors import InvalidConfig
from training.state import Point


@dataclass(frozen=True, slots=True)
class Metrics:
    """Of the weights after `step`, which are kept: losses are means per row, `confusion_matrix[actual][predicted]`
    counts test rows."""

    step: int
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
    history: tuple[Point, ...]
    library_versions: Mapping[str, str]
    data_fingerprint: str
    created: str  # UTC, ISO 8601
    weights: bytes

    @property
    def weights_sha256(self) -> str:
        return hashlib.sha256(self.weights).hexdigest()


def save(checkpoint: Checkpoint, directory: Path) -> None:
    """Replace the checkpoint in `directory`, which is created if need be."""
    checkpoint_files.save(directory, _to_json(checkpoint), {WEIGHTS: checkpoint.weights})


def load(directory: Path) -> Checkpoint:
    """Raises `CheckpointError` when a file is missing, unreadable, or not the one that was written."""
    description, weights = read(directory / DESCRIPTION), read(directory / WEIGHTS)
    try:
        document = json.loads(description)
        checkpoint = _from_json(document, weights)
        verify(directory, document, "weights", weights)
    except (ValueError, KeyError, TypeError, InvalidConfig) as error:
        raise no_checkpoint(directory, error) from None
    return checkpoint


def _to_json(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "recipe": checkpoint.recipe,
        "created": checkpoint.created,
        "hyperparameters": dict(checkpoint.hyperparameters),
        "train_config": asdict(checkpoint.config),
        "metrics": asdict(checkpoint.metrics),
        "data_fingerprint": checkpoint.data_fingerprint,
        "library_versions": dict(checkpoint.library_versions),
        "weights": described(WEIGHTS, checkpoint.weights),
        "history": [asdict(epoch) for epoch in checkpoint.history],
    }


def _from_json(document: dict[str, Any], weights: bytes) -> Checkpoint:
    return Checkpoint(
        recipe=document["recipe"],
        hyperparameters=document["hyperparameters"],
        config=TrainConfig(**document["train_config"]),
        metrics=Metrics(**document["metrics"]),
        history=tuple(Point(**epoch) for epoch in document["history"]),
        library_versions=document["library_versions"],
        data_fingerprint=document["data_fingerprint"],
        created=document["created"],
        weights=weights,
    )
