"""`manifest.json`: what a published version holds, how it was checked, and where it came from.

Rule: everything a version's owner may ask later stands beside the files, and every file's hash stands in it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from serving.core.requests import TensorSpec
from training import readable_json
from training.checkpoint import Checkpoint
from training.config import TrainConfig
from training.export.answer_parity import AnswerParityReport
from training.export.gate import Variant
from training.export.parity import ParityReport
from training.export.rounded_parity import RoundedParityReport
from training.export.step_parity import StepParityReport

FILENAME = "manifest.json"

Parity = ParityReport | StepParityReport | RoundedParityReport | AnswerParityReport


@dataclass(frozen=True, slots=True)
class PublishedFile:
    sha256: str
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Lineage:
    """`library_versions` are those that trained, `export_versions` those that made the files."""

    recipe: str
    seed: int
    train_config: TrainConfig
    checkpoint_created: str
    checkpoint_weights_sha256: str
    data_fingerprint: str
    library_versions: Mapping[str, str]
    export_versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ImportLineage:
    """Of a model that others trained: the folder it came from, and the SHA-256 of each file of weights there."""

    source: str
    architecture: str
    weights_sha256: Mapping[str, str]
    export_versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """`created` is UTC in ISO 8601; shapes have the batch dimension, -1, first, but those of a model that writes.
    `metrics` are those of training; of the test those of
    the file that is served."""

    model: str
    version: int
    created: str
    files: Mapping[str, PublishedFile]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    metrics: Mapping[str, float] | None
    parity: tuple[Parity, ...]
    lineage: Lineage | ImportLineage
    variants: tuple[Variant, ...] = ()
    """That were tried in place of float32, which is one of them."""
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """That it was trained on, by output, whatever somebody calls them since."""

    def encode(self) -> bytes:
        return readable_json.encode(asdict(self))


def variants_of(version: Path) -> list[Variant]:
    """That were tried for a version that this machine published."""
    return [Variant(**each) for each in json.loads((version / FILENAME).read_text())["variants"]]


def labels_of(version: Path) -> list[tuple[str, ...]]:
    """That a version was trained on, output by output; none where its manifest doesn't say."""
    try:
        return [tuple(each) for each in json.loads((version / FILENAME).read_bytes())["labels"].values()]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return []


def published_files(directory: Path) -> dict[str, PublishedFile]:
    """Every file in `directory`, by name."""
    return {path.name: _published_file(path) for path in sorted(directory.iterdir())}


def lineage(checkpoint: Checkpoint, export_versions: Mapping[str, str]) -> Lineage:
    return Lineage(
        recipe=checkpoint.recipe,
        seed=checkpoint.config.seed,
        train_config=checkpoint.config,
        checkpoint_created=checkpoint.created,
        checkpoint_weights_sha256=checkpoint.weights_sha256,
        data_fingerprint=checkpoint.data_fingerprint,
        library_versions=checkpoint.library_versions,
        export_versions=export_versions,
    )


def _published_file(path: Path) -> PublishedFile:
    with path.open("rb") as file:
        return PublishedFile(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)
