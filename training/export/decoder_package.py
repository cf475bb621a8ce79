"""A decoder that others trained, and the files of its text, become the next version of a model in a repository.

Rule: one file is written, for the backend that the model's config.pbtxt names, and published only after that backend
has given PyTorch's answers from it, nearly so where weights are rounded, and the tokenizer was read as a server will
read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serving.backends.decoder_shape import decoder_shape
from serving.core.generation_config import TEXT_INPUT, TEXT_OUTPUT, generation_config
from serving.core.model_config import DEFAULT_FILENAMES, ModelConfig
from serving.core.requests import TensorSpec
from serving.errors import ModelLoadFailed
from training.errors import PublishFailed
from training.export import (
    config_pbtxt,
    decoder_onnx,
    decoder_torchscript,
    manifest,
    parity,
    publication,
    rounded_parity,
    step_parity,
)
from training.export.manifest import ImportLineage, Manifest, Parity
from training.export.text_files import write_texts
from training.models.decoder import Decoder, DecoderConfig
from training.precision import FLOAT32
from training.provenance import utc_now

BACKENDS = ("onnxruntime", "pytorch")

_TOKENS, _SEED = 1000, 20  # any tokens, to compare with


@dataclass(frozen=True, slots=True, eq=False)
class Written:
    """`texts` are the contents of config.json, tokenizer.json and those beside them, by name."""

    model: Decoder
    texts: Mapping[str, bytes]
    lineage: ImportLineage
    weights: str = FLOAT32
    """Other ones are for ONNX Runtime."""


def publish(written: Written, directory: Path, backend: str = "") -> Path:
    """The new version's folder in the model's `directory`, whose config.pbtxt is written where there is none; `backend`
    is for that, or must be the one that it has.

    May run beside other publishers of the same model. Raises `PublishFailed` and `ParityFailed`; then no version was
    published.
    """
    default = _default_config(directory.name, backend or "onnxruntime", written.model.config)
    return publication.publish(
        directory,
        lambda staging: _fill(
            staging, written, _config(directory / config_pbtxt.CONFIG, default, backend, written.weights)
        ),
        {config_pbtxt.CONFIG: default},
    )


def _default_config(name: str, backend: str, config: DecoderConfig) -> str:
    position_bytes = 2 * 4 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim
    return config_pbtxt.render_generating(name, backend, config.max_position_embeddings, position_bytes)


def _config(path: Path, default: str, backend: str, weights: str) -> ModelConfig:
    config = config_pbtxt.read_generating(path, path.parent.name, default)
    if config.backend not in BACKENDS:
        raise PublishFailed(f"{path}: backend '{config.backend}' can't run a decoder; it must be {_names()}")
    if config.default_model_filename != DEFAULT_FILENAMES[config.backend]:
        raise PublishFailed(f"{path} wants a file '{config.default_model_filename}'; remove that line")
    if backend not in ("", config.backend):
        raise PublishFailed(
            f"{path}: backend '{config.backend}' serves this model, '{backend}' was asked for; change it there, or "
            "import under another --name"
        )
    if weights != FLOAT32 and config.backend != "onnxruntime":
        raise PublishFailed(f"{path}: backend '{config.backend}' can't serve {weights} weights, onnxruntime can")
    return config


def _fill(staging: Path, written: Written, config: ModelConfig) -> Manifest:
    model = written.model
    write_texts(staging, written.texts, model.config.vocab_size)
    file = staging / DEFAULT_FILENAMES[config.backend]
    if config.backend == "onnxruntime":
        decoder_onnx.export(model, file, weights=written.weights)
    else:
        decoder_torchscript.export(model, file)
    return Manifest(
        model=config.name,
        version=0,
        created=utc_now(),
        files=manifest.published_files(staging),
        inputs=(TensorSpec(TEXT_INPUT, "BYTES", (1,)),),
        outputs=(TensorSpec(TEXT_OUTPUT, "BYTES", (1,)),),
        metrics=None,
        parity=_checked(staging, config, model, written.weights),
        lineage=written.lineage,
    )


def _checked(staging: Path, config: ModelConfig, model: Decoder, weights: str) -> tuple[Parity, ...]:
    tokens = np.random.default_rng(_SEED).integers(model.config.vocab_size, size=_TOKENS).tolist()
    formats = [name for name, backend in parity.BACKENDS.items() if backend == config.backend]
    try:
        decoder_shape(staging).length(generation_config(config).max_model_len)
        if weights != FLOAT32:
            return rounded_parity.check(staging, config, model, tokens, weights)
        return step_parity.check(staging, config, model, tokens, formats)
    except ModelLoadFailed as error:
        raise PublishFailed(f"can't be served as {config_pbtxt.CONFIG} says: {error}; nothing was published") from None


def _names() -> str:
    return " or ".join(f"'{name}'" for name in BACKENDS)
