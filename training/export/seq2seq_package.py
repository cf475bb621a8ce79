"""A checkpoint of a model that answers texts becomes the next version of a model in a repository.

Rule: published after the runner that will serve it wrote PyTorch's answers to the texts that were held out.
"""

from functools import partial
from pathlib import Path
from typing import cast

from serving.backends.ort_decoder import ENCODER
from serving.core.generation_config import TEXT_TO_TEXT, generation_config
from serving.core.model_config import DEFAULT_FILENAMES, ModelConfig
from serving.errors import ModelLoadFailed
from training.answers import answers
from training.checkpoint import Checkpoint
from training.errors import PublishFailed
from training.export import answer_parity, config_pbtxt, manifest, publication, seq2seq_onnx
from training.export.config_pbtxt import CONFIG
from training.export.manifest import Manifest
from training.export.text_files import write_beside, write_texts
from training.models.seq2seq import Seq2seq
from training.provenance import library_versions, utc_now
from training.recipes.recipe import Recipe
from training.run import restore
from training.seq2seq.batches import Tokens
from training.seq2seq.data import pairs_of
from training.seq2seq.next_tokens import NextTokens

_BACKEND = "onnxruntime"
_COMPARED = 2000  # pairs of the test, or all where there are fewer


def publish(recipe: Recipe, checkpoint: Checkpoint, directory: Path, _: str = "") -> Path:
    """Export, compare, and publish in the model's `directory`; the new version's. There is one kind of weights.

    May run beside other publishers of the same model. Raises `CheckpointError`, `PublishFailed` and `ParityFailed`;
    then no version was published.
    """
    longest = checkpoint.facts["positions"]
    default = config_pbtxt.render_generating(directory.name, _BACKEND, longest, 0, TEXT_TO_TEXT)
    return publication.publish(
        directory, partial(_fill, recipe, checkpoint, _config(directory / CONFIG, default)), {CONFIG: default}
    )


def _config(path: Path, default: str) -> ModelConfig:
    config = config_pbtxt.read_generating(path, path.parent.name, default)
    filename, task = DEFAULT_FILENAMES[_BACKEND], generation_config(config).task
    if (config.backend, config.default_model_filename, task) != (_BACKEND, filename, TEXT_TO_TEXT):
        raise PublishFailed(
            f'{path}: expected backend "{_BACKEND}", generation.task "{TEXT_TO_TEXT}" and the file {filename}, got '
            f'"{config.backend}", "{task}" and {config.default_model_filename}; correct it, then export again'
        )
    return config


def _fill(recipe: Recipe, checkpoint: Checkpoint, config: ModelConfig, staging: Path) -> Manifest:
    served, compared = restore(recipe, checkpoint), checkpoint.rows.some(_COMPARED)
    model = cast(NextTokens, served.module).model
    score = recipe.kind.score(answers(served, compared.inputs), compared.truths, checkpoint.facts)
    seq2seq_onnx.export(model, staging / ENCODER, staging / DEFAULT_FILENAMES[_BACKEND])
    write_texts(staging, served.files, model.config.decoder.vocab_size)
    write_beside(staging, recipe, checkpoint, served)
    return Manifest(
        model=config.name,
        version=0,
        created=utc_now(),
        files=manifest.published_files(staging),
        inputs=served.asked,
        outputs=served.told,
        metrics=checkpoint.metrics,
        parity=_checked(staging, config, model, pairs_of(compared), score["exact_match"]),
        lineage=manifest.lineage(checkpoint, library_versions("torch", "onnx", "onnxruntime", "tokenizers")),
    )


def _checked(
    staging: Path, config: ModelConfig, model: Seq2seq, pairs: list[Tokens], exact_match: float
) -> tuple[manifest.Parity, ...]:
    try:
        return answer_parity.check(staging, config, model, pairs, exact_match)
    except ModelLoadFailed as error:
        raise PublishFailed(f"can't be served as {CONFIG} says: {error}; nothing was published") from None
