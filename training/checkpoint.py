"""A trained model on disk: weights, held-out rows, and a `checkpoint.json` that a person can read.

Rule: it is all that exports and tests the model, so that nobody needs the data again; the JSON, which holds the hashes
of the others, is written last, and what doesn't match is never loaded.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as arrays_from_bytes
from safetensors.numpy import save as bytes_from_arrays

from serving.core.requests import Arrays
from training import checkpoint_files
from training.checkpoint_files import DESCRIPTION, WEIGHTS, described, no_checkpoint, read, verify
from training.config import TrainConfig, stored
from training.errors import InvalidConfig
from training.kind import Rows
from training.run_files import PAGE
from training.state import Point

ROWS = "rows.safetensors"
CARD = "model_card.md"
_PARTS = ("test", "calibration")  # the latter for what validation rows once were kept for
_SIDES = ("inputs", "truths")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Everything that rebuilds the model and says where it came from; `weights` is a safetensors file's content, `rows`
    are of the test, by which nothing is chosen."""

    recipe: str
    model: str
    """Its name in a repository."""
    hyperparameters: Mapping[str, Any]
    facts: Mapping[str, Any]
    config: TrainConfig
    metrics: Mapping[str, float]
    history: tuple[Point, ...]
    library_versions: Mapping[str, str]
    data_fingerprint: str
    created: str  # UTC, ISO 8601
    weights: bytes
    rows: Rows
    validation: Rows
    pages: Mapping[str, bytes] = field(default_factory=dict)
    """What people read of it, by file name: `PAGE` and `CARD`, or nothing."""

    @property
    def weights_sha256(self) -> str:
        return hashlib.sha256(self.weights).hexdigest()


def save(checkpoint: Checkpoint, directory: Path) -> None:
    """Replace the checkpoint in `directory`, which is created if need be."""
    rows = _packed(checkpoint.rows, checkpoint.validation)
    contents = {WEIGHTS: checkpoint.weights, ROWS: rows, **checkpoint.pages}
    checkpoint_files.save(directory, {**_to_json(checkpoint), "rows": described(ROWS, rows)}, contents)


def load(directory: Path) -> Checkpoint:
    """Raises `CheckpointError` when a file is missing, unreadable, or not the one that was written."""
    description, weights, rows = (read(directory / name) for name in (DESCRIPTION, WEIGHTS, ROWS))
    try:
        document = json.loads(description)
        verify(directory, document, "weights", weights)
        verify(directory, document, "rows", rows)
        checkpoint = _from_json(document, weights, rows, _pages(directory, document.get("pages", {})))
    except (ValueError, KeyError, TypeError, InvalidConfig, SafetensorError) as error:
        raise no_checkpoint(directory, error) from None
    return checkpoint


def _to_json(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "recipe": checkpoint.recipe,
        "model": checkpoint.model,
        "created": checkpoint.created,
        "hyperparameters": dict(checkpoint.hyperparameters),
        "facts": dict(checkpoint.facts),
        "train_config": asdict(checkpoint.config),
        "metrics": dict(checkpoint.metrics),
        "data_fingerprint": checkpoint.data_fingerprint,
        "library_versions": dict(checkpoint.library_versions),
        "weights": described(WEIGHTS, checkpoint.weights),
        "pages": {name: described(name, content) for name, content in checkpoint.pages.items()},
        "history": [asdict(epoch) for epoch in checkpoint.history],
    }


def _from_json(document: dict[str, Any], weights: bytes, rows: bytes, pages: Mapping[str, bytes]) -> Checkpoint:
    test, validation = _unpacked(rows)
    return Checkpoint(
        recipe=document["recipe"],
        model=document["model"],
        hyperparameters=document["hyperparameters"],
        facts=document["facts"],
        config=stored(document["train_config"]),
        metrics=document["metrics"],
        history=tuple(Point(**epoch) for epoch in document["history"]),
        library_versions=document["library_versions"],
        data_fingerprint=document["data_fingerprint"],
        created=document["created"],
        weights=weights,
        rows=test,
        validation=validation,
        pages=pages,
    )


def _pages(directory: Path, known: dict[str, Any]) -> dict[str, bytes]:
    """Those that are still there: who doesn't want to show one may delete it."""
    found = {name: read(directory / name) for name in (PAGE, CARD) if name in known and (directory / name).exists()}
    for name, content in found.items():
        verify(directory, known, name, content)
    return found


def _packed(test: Rows, validation: Rows) -> bytes:
    arrays = {
        f"{part}/{side}/{name}": np.ascontiguousarray(array)
        for part, rows in zip(_PARTS, (test, validation), strict=True)
        for side, named in zip(_SIDES, (rows.inputs, rows.truths), strict=True)
        for name, array in named.items()
    }
    content: bytes = bytes_from_arrays(arrays)
    return content


def _unpacked(content: bytes) -> list[Rows]:
    arrays = arrays_from_bytes(content)
    return [Rows(*(_named(arrays, f"{part}/{side}/") for side in _SIDES)) for part in _PARTS]


def _named(arrays: Arrays, prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
