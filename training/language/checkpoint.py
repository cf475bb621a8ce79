"""A trained model that writes, on disk: its weights, its tokenizer, and a `checkpoint.json` that a person can read.

Rule: as for every checkpoint, what doesn't match its description is never loaded.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training import checkpoint_files
from training.checkpoint_files import DESCRIPTION, WEIGHTS, described, no_checkpoint, read, verify
from training.config import TrainConfig, stored
from training.errors import InvalidConfig
from training.language.tokenizer import TOKENIZER
from training.state import Point


@dataclass(frozen=True, slots=True)
class LanguageMetrics:
    """On held-out text: loss in nats per token, perplexity of a token, and bits per byte of the text."""

    held_out_loss: float
    held_out_perplexity: float
    held_out_bits_per_byte: float
    parameters: int
    train_tokens: int
    held_out_tokens: int


@dataclass(frozen=True, slots=True)
class AnswerMetrics:
    """Of a model that answers texts, on those held out: loss in nats per token, and the share of answers that are right
    as a whole when the likeliest token is always taken."""

    held_out_loss: float
    exact_match: float
    parameters: int
    train_pairs: int
    held_out_pairs: int


@dataclass(frozen=True, slots=True)
class LanguageCheckpoint:
    """Everything that rebuilds the model and says where it came from; `hyperparameters` are a `DecoderConfig`'s, and
    `encoder_layers` where there is an encoder."""

    recipe: str
    hyperparameters: Mapping[str, Any]
    config: TrainConfig
    metrics: LanguageMetrics | AnswerMetrics
    history: tuple[Point, ...]
    library_versions: Mapping[str, str]
    data_fingerprint: str
    created: str  # UTC, ISO 8601
    weights: bytes
    tokenizer: bytes  # tokenizer.json

    @property
    def weights_sha256(self) -> str:
        return hashlib.sha256(self.weights).hexdigest()


def save(checkpoint: LanguageCheckpoint, directory: Path) -> None:
    """Replace the checkpoint in `directory`, which is created if need be."""
    contents = {WEIGHTS: checkpoint.weights, TOKENIZER: checkpoint.tokenizer}
    checkpoint_files.save(directory, _to_json(checkpoint), contents)


def load(directory: Path) -> LanguageCheckpoint:
    """Raises `CheckpointError` when a file is missing, unreadable, or not the one that was written."""
    description, weights, tokenizer = (read(directory / name) for name in (DESCRIPTION, WEIGHTS, TOKENIZER))
    try:
        document = json.loads(description)
        checkpoint = _from_json(document, weights, tokenizer)
        verify(directory, document, "weights", weights)
        verify(directory, document, "tokenizer", tokenizer)
    except (ValueError, KeyError, TypeError, InvalidConfig) as error:
        raise no_checkpoint(directory, error) from None
    return checkpoint


def _to_json(checkpoint: LanguageCheckpoint) -> dict[str, Any]:
    return {
        "recipe": checkpoint.recipe,
        "created": checkpoint.created,
        "hyperparameters": dict(checkpoint.hyperparameters),
        "train_config": asdict(checkpoint.config),
        "metrics": asdict(checkpoint.metrics),
        "data_fingerprint": checkpoint.data_fingerprint,
        "library_versions": dict(checkpoint.library_versions),
        "weights": described(WEIGHTS, checkpoint.weights),
        "tokenizer": described(TOKENIZER, checkpoint.tokenizer),
        "history": [asdict(step) for step in checkpoint.history],
    }


def _from_json(document: dict[str, Any], weights: bytes, tokenizer: bytes) -> LanguageCheckpoint:
    metrics = document["metrics"]
    return LanguageCheckpoint(
        recipe=document["recipe"],
        hyperparameters=document["hyperparameters"],
        config=stored(document["train_config"]),
        metrics=(AnswerMetrics if "exact_match" in metrics else LanguageMetrics)(**metrics),
        history=tuple(Point(**step) for step in document["history"]),
        library_versions=document["library_versions"],
        data_fingerprint=document["data_fingerprint"],
        created=document["created"],
        weights=weights,
        tokenizer=tokenizer,
    )
