"""A checkpoint becomes the next version of a model in a repository.

Rule: what is published has answered as the PyTorch model does, in the backends that will serve it.
"""

from pathlib import Path

import torch

from serving.core import golden
from serving.core.golden import GoldenRows
from serving.core.model_config import DEFAULT_FILENAMES, ModelConfig
from serving.core.requests import Arrays
from serving.errors import ModelLoadFailed
from training.answers import answers
from training.checkpoint import Checkpoint
from training.errors import PublishFailed
from training.export import candidates, config_pbtxt, labels_file, manifest, measuring, parity, publication, torchscript
from training.export.candidates import Subject
from training.export.gate import FLOAT32, PUBLISHED, Gate, Variant
from training.export.manifest import Manifest
from training.export.parity import Demand, ParityReport
from training.kind import Rows, Served
from training.provenance import library_versions, utc_now
from training.recipes.recipe import Recipe
from training.run import restore

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
    has_own = not labels_file.fits(directory / config_pbtxt.LABELS, labels)

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
    rows = checkpoint.rows
    answered = answers(served, rows.inputs)
    for name, content in {**served.files, **checkpoint.pages}.items():
        (staging / name).write_bytes(content)
    _export(served, rows, staging)
    reports = _checked(staging, config, served, rows.first(_COMPARED_ROWS), answered)
    expected = _golden_rows(staging, config, served, rows, answered)
    variants = _tried(staging, recipe, checkpoint, served, gate) if gate is not None else ()
    if any(variant.verdict == PUBLISHED and variant.name != FLOAT32 for variant in variants):
        expected = _rounded(staging, expected)
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
        metrics=checkpoint.metrics,
        parity=reports,
        variants=variants,
        lineage=manifest.lineage(checkpoint, library_versions("torch", "onnx", "onnxscript", "onnxruntime")),
    )


def _export(served: Served, rows: Rows, staging: Path) -> None:
    candidates.export(served, served.module, rows, staging / DEFAULT_FILENAMES["onnxruntime"])
    batch = [torch.from_numpy(rows.inputs[spec.name][:2]) for spec in served.inputs]
    torchscript.export(served.module, batch, staging / DEFAULT_FILENAMES["pytorch"])


def _checked(
    staging: Path, config: ModelConfig, served: Served, rows: Rows, answered: Arrays
) -> tuple[ParityReport, ...]:
    expected = {name: array[: len(rows)] for name, array in answered.items()}
    try:
        demand = Demand(served.tolerance, served.agreement)
        reports = parity.check(staging, config, rows.inputs, expected, demand)
    except ModelLoadFailed as error:
        raise PublishFailed(f"can't be served as {config_pbtxt.CONFIG} says: {error}; nothing was published") from None
    if not (staging / config.default_model_filename).is_file():
        raise PublishFailed(f"{config_pbtxt.CONFIG} wants a file '{config.default_model_filename}'; remove that line")
    return reports


def _golden_rows(staging: Path, config: ModelConfig, served: Served, rows: Rows, answered: Arrays) -> GoldenRows:
    """What a server will ask the version before it gives it traffic, and what PyTorch answers; none of those that have
    ties, which each runtime breaks in its own way."""
    inputs = rows.first(_COMPARED_ROWS).inputs
    expected = {name: array[:_COMPARED_ROWS] for name, array in answered.items()}
    chosen = parity.alike(staging, config, inputs, expected, served.tolerance)[:_GOLDEN_ROWS]
    return GoldenRows(
        {name: array[chosen] for name, array in inputs.items()},
        {name: array[chosen] for name, array in expected.items()},
    )


def _tried(staging: Path, recipe: Recipe, checkpoint: Checkpoint, served: Served, gate: Gate) -> tuple[Variant, ...]:
    """The best of them is the file that is served."""

    def score(outputs: Arrays, truths: Arrays) -> float:
        return next(iter(recipe.kind.score(outputs, truths, checkpoint.facts).values()))

    path = staging / DEFAULT_FILENAMES["onnxruntime"]
    return candidates.best(Subject(served, path, checkpoint.rows, checkpoint.calibration, score), gate)


def _rounded(staging: Path, rows: GoldenRows) -> GoldenRows:
    """The same rows, with what the file that is served answers; processors differ in how they round to 8 bits."""
    outputs = measuring.answers(measuring.opened(staging / DEFAULT_FILENAMES["onnxruntime"]), rows.inputs)
    return GoldenRows(rows.inputs, {name: outputs[name] for name in rows.outputs}, _ROUNDED_TOLERANCE)
