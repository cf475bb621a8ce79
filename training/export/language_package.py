"""A checkpoint of a model that writes becomes the next version of a model in a repository.

Rule: as Hugging Face's folders, so that `transformers` reads tokenizer and config too; published after step parity.
"""

from pathlib import Path

from serving.core import generation_config
from serving.core.model_config import DEFAULT_FILENAMES, ModelConfig
from serving.core.requests import TensorSpec
from serving.errors import ModelLoadFailed
from training import readable_json
from training.errors import PublishFailed
from training.export import decoder_onnx, decoder_torchscript, manifest, publication, rounded_parity, step_parity
from training.export.config_pbtxt import CONFIG, read
from training.export.manifest import Manifest, Parity
from training.language import tokenizer
from training.language.checkpoint import LanguageCheckpoint
from training.language.run import restore
from training.models.decoder import Decoder, hugging_face_config
from training.precision import FLOAT32
from training.provenance import library_versions, utc_now
from training.recipes.language_recipe import LanguageRecipe

_TEMPLATE = """\
# How Slipway serves this model; the fields are those of Triton's model_config.proto. Yours to edit.
name: "{name}"
backend: "onnxruntime"  # or "pytorch", which serves model.pt
parameters {{ key: "generation.task" value {{ string_value: "text-generation" }} }}

# How many texts are written at a time; more requests than that wait.
parameters {{ key: "generation.max_num_seqs" value {{ string_value: "16" }} }}
"""


def publish(recipe: LanguageRecipe, checkpoint: LanguageCheckpoint, repository: Path, weights: str = FLOAT32) -> Path:
    """Export, compare, and publish; the new version's directory. `weights` are the ONNX file's.

    May run beside other publishers of the same model. Raises `CheckpointError`, `PublishFailed` and `ParityFailed`;
    then no version was published.
    """
    directory = repository / recipe.name
    default = _TEMPLATE.format(name=recipe.name)
    return publication.publish(
        directory,
        lambda staging: _fill(
            staging,
            recipe,
            checkpoint,
            read(directory / CONFIG, recipe.name, default, generation_config.complete),
            weights,
        ),
        {CONFIG: default},
    )


def _fill(
    staging: Path, recipe: LanguageRecipe, checkpoint: LanguageCheckpoint, config: ModelConfig, weights: str
) -> Manifest:
    if weights != FLOAT32 and config.backend != "onnxruntime":
        raise PublishFailed(f"{CONFIG}: backend '{config.backend}' can't serve {weights} weights, onnxruntime can")
    model, words = restore(recipe, checkpoint), tokenizer.from_file(checkpoint.tokenizer)
    decoder_onnx.export(model, staging / DEFAULT_FILENAMES["onnxruntime"], weights=weights)
    decoder_torchscript.export(model, staging / DEFAULT_FILENAMES["pytorch"])
    for name, content in _descriptions(model, checkpoint).items():
        (staging / name).write_bytes(content)
    held_out = tokenizer.encode(words, recipe.load().held_out)
    return Manifest(
        model=recipe.name,
        version=0,
        created=utc_now(),
        files=manifest.published_files(staging),
        inputs=(TensorSpec(generation_config.TEXT_INPUT, "BYTES", (1,)),),
        outputs=(TensorSpec(generation_config.TEXT_OUTPUT, "BYTES", (1,)),),
        metrics=checkpoint.metrics,
        parity=_checked(staging, config, model, held_out, weights),
        lineage=manifest.lineage(checkpoint, library_versions("torch", "onnx", "onnxruntime", "tokenizers")),
    )


def _descriptions(model: Decoder, checkpoint: LanguageCheckpoint) -> dict[str, bytes]:
    end = tokenizer.SPECIAL.index(tokenizer.END)
    special = {"bos_token_id": end, "eos_token_id": end}
    return {
        tokenizer.TOKENIZER: checkpoint.tokenizer,
        tokenizer.CONFIG: tokenizer.config_file(model.config.max_position_embeddings),
        "config.json": readable_json.encode(hugging_face_config(model.config) | special),
        "generation_config.json": readable_json.encode(special),
    }


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
