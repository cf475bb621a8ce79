"""A checkpoint of a model that writes becomes the next version of a model in a repository.

Rule: as Hugging Face's folders, so that `transformers` reads tokenizer and config too; published after step parity.
"""

from pathlib import Path
from typing import cast

import numpy as np

from serving.core import generation_config
from serving.core.model_config import DEFAULT_FILENAMES, ModelConfig
from serving.errors import ModelLoadFailed
from training.checkpoint import CARD, Checkpoint
from training.errors import PublishFailed
from training.export import decoder_onnx, decoder_torchscript, manifest, publication, rounded_parity, step_parity
from training.export.config_pbtxt import CONFIG, read
from training.export.manifest import Manifest, Parity
from training.export.package import say_in_card
from training.export.text_files import write_beside, write_texts
from training.language.data import WINDOW
from training.language.next_tokens import NextTokens
from training.models.decoder import Decoder
from training.precision import FLOAT32
from training.provenance import library_versions, utc_now
from training.recipes.recipe import Recipe
from training.run import restore

_TEMPLATE = """\
# How Slipway serves this model; the fields are those of Triton's model_config.proto. Yours to edit.
name: "{name}"
backend: "onnxruntime"  # or "pytorch", which serves model.pt
parameters {{ key: "generation.task" value {{ string_value: "text-generation" }} }}

# How many texts are written at a time; more requests than that wait.
parameters {{ key: "generation.max_num_seqs" value {{ string_value: "16" }} }}
"""


def publish(recipe: Recipe, checkpoint: Checkpoint, directory: Path, weights: str = FLOAT32) -> Path:
    """Export, compare, and publish in the model's `directory`; the new version's. `weights` are the ONNX file's.

    May run beside other publishers of the same model. Raises `CheckpointError`, `PublishFailed` and `ParityFailed`;
    then no version was published.
    """
    default = _TEMPLATE.format(name=directory.name)

    def fill(staging: Path) -> Manifest:
        config = read(directory / CONFIG, directory.name, default, generation_config.complete)
        return _fill(staging, recipe, checkpoint, config, weights)

    return publication.publish(directory, fill, {CONFIG: default})


def _fill(staging: Path, recipe: Recipe, checkpoint: Checkpoint, config: ModelConfig, weights: str) -> Manifest:
    if weights != FLOAT32 and config.backend != "onnxruntime":
        raise PublishFailed(f"{CONFIG}: backend '{config.backend}' can't serve {weights} weights, onnxruntime can")
    served = restore(recipe, checkpoint)
    model = cast(NextTokens, served.module).decoder
    decoder_onnx.export(model, staging / DEFAULT_FILENAMES["onnxruntime"], weights=weights)
    decoder_torchscript.export(model, staging / DEFAULT_FILENAMES["pytorch"])
    write_texts(staging, served.files, model.config.vocab_size)
    write_beside(staging, recipe, checkpoint, served)
    if weights != FLOAT32:
        say_in_card(staging / CARD, weights)
    return Manifest(
        model=config.name,
        version=0,
        created=utc_now(),
        files=manifest.published_files(staging),
        inputs=served.asked,
        outputs=served.told,
        metrics=checkpoint.metrics,
        parity=_checked(staging, config, model, _tokens(checkpoint), weights),
        lineage=manifest.lineage(checkpoint, library_versions("torch", "onnx", "onnxruntime", "tokenizers")),
    )


def _tokens(checkpoint: Checkpoint) -> list[int]:
    """Of the test, again from its beginning where they are few."""
    windows = checkpoint.rows.inputs[WINDOW]
    tokens: list[int] = np.resize(windows[:, :-1], max(windows.size, step_parity.TOKENS)).tolist()
    return tokens


def _checked(staging: Path, config: ModelConfig, model: Decoder, tokens: list[int], weights: str) -> tuple[Parity, ...]:
    try:
        if weights == FLOAT32:
            reports: tuple[Parity, ...] = step_parity.check(staging, config, model, tokens)
        else:
            rounded = rounded_parity.check(staging, config, model, tokens, weights)
            reports = (*rounded, *step_parity.check(staging, config, model, tokens, ["torchscript"]))
    except ModelLoadFailed as error:
        raise PublishFailed(f"can't be served as {CONFIG} says: {error}; nothing was published") from None
    if not (staging / config.default_model_filename).is_file():
        raise PublishFailed(f"{CONFIG} wants a file '{config.default_model_filename}'; remove that line")
    return reports
