"""A checkpoint becomes the next version of a model in a repository.

Rule: what is published has answered as the PyTorch model does, in the backends that will serve it.
"""

from pathlib import Path

import numpy as np
import torch

from serving.core import golden
from serving.core.golden import GoldenRows
from serving.core.model_config import DEFAULT_FILENAMES, ModelConfig
from serving.core.requests import Arrays
from serving.errors import ModelLoadFailed
from training.answers import answers
from training.checkpoint import CARD, Checkpoint
from training.errors import PublishFailed
from training.export import candidates, config_pbtxt, labels_file, manifest, measuring, parity, publication, torchscript
from training.export.candidates import Subject
from training.export.gate import FLOAT32, Gate, Variant, published
from training.export.manifest import Manifest
from training.export.parity import Demand, ParityReport
from training.kind import Rows, Served, spread
from training.provenance import library_versions, utc_now
from training.recipes.recipe import Recipe
from training.run import restore, tested

_GOLDEN_ROWS = 16
_ROUNDED_TOLERANCE = 0.05
_COMPARED_ROWS = 256


def publish(recipe: Recipe, checkpoint: Checkpoint, directory: Path, gate: Gate | None = None) -> Path:
    """Export, compare, and publish in the model's `directory`; the new version's. With a `gate`, other files than that
    in float32 are tried, and the best is published.

    May run beside other publishers of the same model. Raises `CheckpointError`, `PublishFailed` and `ParityFailed`;
    then no version was published.
    """
    served = restore(recipe, checkpoint)
    default, labels = config_pbtxt.render(directory.name, served), next(iter(served.labels.values()), ())
    has_own = not labels_file.fits(directory, labels)

    def fill(staging: Path) -> Manifest:
        if has_own:
            (staging / config_pbtxt.LABELS).write_text(labels_file.encode(labels))
        config = config_pbtxt.read(directory / config_pbtxt.CONFIG, directory.name, default)
        return _fill(staging, recipe, checkpoint, served, config, gate)

    beside = {config_pbtxt.LABELS: labels_file.encode(labels)} if labels else {}
    return publication.publish(directory, fill, {**beside, config_pbtxt.CONFIG: default})


def _fill(
    staging: Path, recipe: Recipe, checkpoint: Checkpoint, served: Served, config: ModelConfig, gate: Gate | None
) -> Manifest:
    """Write and check every file but the manifest, which is returned, its version still to be found."""
    if gate is not None and config.backend != "onnxruntime":
        raise PublishFailed(f"{config_pbtxt.CONFIG}: backend '{config.backend}' serves no candidates; change it")
    rows, answered = checkpoint.rows, answers(served, checkpoint.rows.inputs)
    compared = Rows(rows.inputs, answered).some(_COMPARED_ROWS)
    for name, content in {**served.files, **checkpoint.pages}.items():
        (staging / name).write_bytes(content)
    _export(served, rows, staging)
    reports = _checked(staging, config, served, compared)
    expected = _golden_rows(staging, config, served, compared)
    variants = _tried(staging, recipe, checkpoint, served, gate) if gate is not None else ()
    metrics, winner = checkpoint.metrics, published(variants)
    if winner != FLOAT32:
        expected = _rounded(staging, expected)
        answered = _of_published(staging, rows.inputs)
        metrics = {**metrics, **tested(recipe.kind.score(answered, rows.truths, checkpoint.facts))}
        say_in_card(staging / CARD, winner)
    (staging / golden.FILENAME).write_bytes(golden.encode(expected))
    example = recipe.kind.example(rows, answered, checkpoint.facts)
    (staging / example.name).write_bytes(example.content)
    return Manifest(
        model=config.name,
        version=0,
        created=utc_now(),
        files=manifest.published_files(staging),
        inputs=served.inputs,
        outputs=served.outputs,
        metrics=metrics,
        parity=reports,
        variants=variants,
        labels=served.labels,
        lineage=manifest.lineage(checkpoint, library_versions("torch", "onnx", "onnxscript", "onnxruntime")),
    )


def _export(served: Served, rows: Rows, staging: Path) -> None:
    candidates.export(served, served.module, rows, staging / DEFAULT_FILENAMES["onnxruntime"])
    batch = [torch.from_numpy(rows.inputs[spec.name][:2]) for spec in served.inputs]
    torchscript.export(served.module, batch, staging / DEFAULT_FILENAMES["pytorch"])


def _checked(staging: Path, config: ModelConfig, served: Served, compared: Rows) -> tuple[ParityReport, ...]:
    """What is true of rows that are `compared` is what PyTorch answers."""
    try:
        demand = Demand(served.tolerance, served.agreement)
        reports = parity.check(staging, config, compared.inputs, compared.truths, demand)
    except ModelLoadFailed as error:
        raise PublishFailed(f"can't be served as {config_pbtxt.CONFIG} says: {error}; nothing was published") from None
    if not (staging / config.default_model_filename).is_file():
        raise PublishFailed(f"{config_pbtxt.CONFIG} wants a file '{config.default_model_filename}'; remove that line")
    return reports


def _golden_rows(staging: Path, config: ModelConfig, served: Served, compared: Rows) -> GoldenRows:
    """What a server will ask the version before it gives it traffic, and what PyTorch answers; none of those that have
    ties, which each runtime breaks in its own way."""
    alike = parity.alike(staging, config, compared.inputs, compared.truths, served.tolerance)
    chosen = alike[spread(len(alike), _GOLDEN_ROWS)]
    return GoldenRows(
        {name: array[chosen] for name, array in compared.inputs.items()},
        {name: array[chosen] for name, array in compared.truths.items()},
    )


def _tried(staging: Path, recipe: Recipe, checkpoint: Checkpoint, served: Served, gate: Gate) -> tuple[Variant, ...]:
    """The best of them is the file that is served."""

    def score(outputs: Arrays, truths: Arrays) -> float:
        return next(iter(recipe.kind.score(outputs, truths, checkpoint.facts).values()))

    path = staging / DEFAULT_FILENAMES["onnxruntime"]
    return candidates.best(Subject(served, path, checkpoint.validation, score), gate)


def _rounded(staging: Path, rows: GoldenRows) -> GoldenRows:
    """The same rows, with what the file that is served answers; processors differ in how they round to 8 bits."""
    outputs = _of_published(staging, rows.inputs)
    return GoldenRows(rows.inputs, {name: outputs[name] for name in rows.outputs}, _ROUNDED_TOLERANCE)


def _of_published(staging: Path, inputs: Arrays) -> dict[str, np.ndarray]:
    return measuring.answers(measuring.opened(staging / DEFAULT_FILENAMES["onnxruntime"]), inputs)


def say_in_card(path: Path, winner: str) -> None:
    """Where there is a card, that the version serves other numbers than those of float32."""
    if path.is_file():
        said = f"This version serves {winner}. What is told here is of float32; manifest.json has its own scores."
        path.write_text(f"{path.read_text(encoding='utf-8')}\n{said}\n", encoding="utf-8")
