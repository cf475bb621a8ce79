"""A checkpoint of a model that answers texts becomes the next version of a model in a repository.

Rule: published after the runner that will serve it wrote PyTorch's answers to the texts that were held out.
"""

from functools import partial
from pathlib import Path

from serving.backends.ort_decoder import ENCODER
from serving.core.generation_config import TEXT_INPUT, TEXT_OUTPUT, TEXT_TO_TEXT, generation_config
from serving.core.model_config import DEFAULT_FILENAMES, ModelConfig
from serving.core.requests import TensorSpec
from serving.errors import ModelLoadFailed
from training import readable_json
from training.errors import PublishFailed
from training.export import answer_parity, config_pbtxt, manifest, publication, seq2seq_onnx
from training.export.config_pbtxt import CONFIG
from training.export.manifest import Manifest
from training.export.text_files import write_texts
from training.language.checkpoint import AnswerMetrics, LanguageCheckpoint
from training.language.tokenizer import TOKENIZER
from training.models.seq2seq import Seq2seq, seq2seq_config
from training.provenance import library_versions, utc_now
from training.recipes.seq2seq_recipe import Seq2seqRecipe
from training.seq2seq import tokenizer
from training.seq2seq.batches import Tokens, tokens_of
from training.seq2seq.run import restore

_BACKEND = "onnxruntime"


def publish(recipe: Seq2seqRecipe, checkpoint: LanguageCheckpoint, repository: Path) -> Path:
    """Export, compare, and publish; the new version's directory.

    May run beside other publishers of the same model. Raises `CheckpointError`, `PublishFailed` and `ParityFailed`;
    then no version was published.
    """
    directory = repository / recipe.name
    default = config_pbtxt.render_generating(recipe.name, _BACKEND, checkpoint.config.context, 0, TEXT_TO_TEXT)
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


def _fill(recipe: Seq2seqRecipe, checkpoint: LanguageCheckpoint, config: ModelConfig, staging: Path) -> Manifest:
    model = restore(recipe, checkpoint)
    seq2seq_onnx.export(model, staging / ENCODER, staging / DEFAULT_FILENAMES[_BACKEND])
    write_texts(staging, _texts(model, checkpoint), model.config.decoder.vocab_size)
    held_out = tokens_of(tokenizer.byte_tokenizer(), recipe.load().held_out)
    return Manifest(
        model=recipe.name,
        version=0,
        created=utc_now(),
        files=manifest.published_files(staging),
        inputs=(TensorSpec(TEXT_INPUT, "BYTES", (1,)),),
        outputs=(TensorSpec(TEXT_OUTPUT, "BYTES", (1,)),),
        metrics=checkpoint.metrics,
        parity=_checked(staging, config, model, held_out, checkpoint),
        lineage=manifest.lineage(checkpoint, library_versions("torch", "onnx", "onnxruntime", "tokenizers")),
    )


def _texts(model: Seq2seq, checkpoint: LanguageCheckpoint) -> dict[str, bytes]:
    special = {"eos_token_id": tokenizer.END_ID, "decoder_start_token_id": tokenizer.BEGIN_ID}
    return {
        TOKENIZER: checkpoint.tokenizer,
        tokenizer.CONFIG: tokenizer.config_file(model.config.decoder.max_position_embeddings),
        "config.json": readable_json.encode(seq2seq_config(model.config) | special),
        "generation_config.json": readable_json.encode(special),
    }


def _checked(
    staging: Path, config: ModelConfig, model: Seq2seq, held_out: list[Tokens], checkpoint: LanguageCheckpoint
) -> tuple[manifest.Parity, ...]:
    assert isinstance(checkpoint.metrics, AnswerMetrics)
    try:
        return answer_parity.check(staging, config, model, held_out, checkpoint.metrics.exact_match)
    except ModelLoadFailed as error:
        raise PublishFailed(f"can't be served as {CONFIG} says: {error}; nothing was published") from None
