"""A checkpoint becomes the next version of a model in a repository.

Rule: what is published has answered as the PyTorch model does, in the backends that will serve it.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from serving.core import golden
from serving.core.golden import GoldenRows
from serving.core.model_config import DEFAULT_FILENAMES, ModelConfig
from serving.errors import ModelLoadFailed
from training.checkpoint import Checkpoint
from training.data.splits import Split
from training.errors import PublishFailed
from training.export import config_pbtxt, manifest, onnx, parity, publication, torchscript
from training.export.manifest import Manifest
from training.models.probabilities import Probabilities
from training.provenance import library_versions, utc_now
from training.recipes.recipe import Recipe
from training.run import restore

_GOLDEN_ROWS = 16


def publish(recipe: Recipe, checkpoint: Checkpoint, repository: Path) -> Path:
    """Export, compare, and publish; the new version's directory.

    May run beside other publishers of the same model. Raises `CheckpointError`, `PublishFailed` and `ParityFailed`;
    then no version was published.
    """
    directory = repository / recipe.name
    return publication.publish(
        directory, lambda staging: _fill(staging, recipe, checkpoint, _config(recipe, directory)), _beside(recipe)
    )


def _config(recipe: Recipe, directory: Path) -> ModelConfig:
    default = config_pbtxt.render(recipe.name, recipe.input, recipe.input_meaning, recipe.output)
    return config_pbtxt.read(directory / config_pbtxt.CONFIG, recipe.name, default)


def _fill(staging: Path, recipe: Recipe, checkpoint: Checkpoint, config: ModelConfig) -> Manifest:
    """Write and check every file but the manifest, which is returned, its version still to be found."""
    model, test = Probabilities(restore(recipe, checkpoint)), recipe.load().test
    _export(model, test.features, staging, recipe)
    reports = _checked(staging, config, model, test.features)
    (staging / golden.FILENAME).write_bytes(golden.encode(_golden_rows(recipe, model, test.features)))
    example = recipe.example(test.features[_clearest(model, test)])
    (staging / example.name).write_bytes(example.content)
    return Manifest(
        model=recipe.name,
        version=0,
        created=utc_now(),
        files=manifest.published_files(staging),
        inputs=(recipe.input,),
        outputs=(recipe.output,),
        metrics=checkpoint.metrics,
        parity=reports,
        lineage=manifest.lineage(checkpoint, library_versions("torch", "onnx", "onnxscript", "onnxruntime")),
    )


def _export(model: nn.Module, rows: Tensor, staging: Path, recipe: Recipe) -> None:
    batch = rows[:2]
    onnx.export(model, batch, staging / DEFAULT_FILENAMES["onnxruntime"], recipe.input.name, recipe.output.name)
    torchscript.export(model, batch, staging / DEFAULT_FILENAMES["pytorch"])


def _checked(staging: Path, config: ModelConfig, model: nn.Module, rows: Tensor) -> tuple[parity.ParityReport, ...]:
    try:
        reports = parity.check(staging, config, model, rows)
    except ModelLoadFailed as error:
        raise PublishFailed(f"can't be served as {config_pbtxt.CONFIG} says: {error}; nothing was published") from None
    if not (staging / config.default_model_filename).is_file():
        raise PublishFailed(f"{config_pbtxt.CONFIG} wants a file '{config.default_model_filename}'; remove that line")
    return reports


def _golden_rows(recipe: Recipe, model: nn.Module, rows: Tensor) -> GoldenRows:
    """What a server will ask the version before it gives it traffic, and what PyTorch answers."""
    asked = rows[:_GOLDEN_ROWS]
    with torch.inference_mode():
        return GoldenRows({recipe.input.name: asked.numpy()}, {recipe.output.name: model(asked).numpy()})


def _clearest(model: nn.Module, split: Split) -> int:
    """The row whose right label the model is surest of."""
    with torch.inference_mode():
        probabilities = model(split.features)
    return int(probabilities.gather(1, split.labels[:, None]).argmax())


def _beside(recipe: Recipe) -> dict[str, str]:
    return {
        config_pbtxt.LABELS: "".join(f"{label}\n" for label in recipe.labels),
        config_pbtxt.CONFIG: config_pbtxt.render(recipe.name, recipe.input, recipe.input_meaning, recipe.output),
    }
