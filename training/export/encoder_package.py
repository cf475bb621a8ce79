"""A model that reads text, with the files of its tokenizer, becomes the next version of a model in a repository.

Rule: as for any other model, what is published has given PyTorch's answers in the backend that will serve it, for rows
that are filled up to any length, and has golden rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from serving.backends.backend import ModelInstance, find
from serving.core import golden
from serving.core.golden import GoldenRows
from serving.core.model_config import ModelConfig
from serving.core.requests import TensorSpec
from serving.errors import BackendFailed, ModelLoadFailed
from training.errors import ParityFailed, PublishFailed
from training.export import config_pbtxt, labels_file, manifest, onnx, parity, publication
from training.export.manifest import ImportLineage, Manifest
from training.export.parity import ParityReport
from training.export.text_files import write_texts
from training.models.encoder import TextClassifier, TextEmbedder
from training.provenance import utc_now

INPUTS = ("input_ids", "attention_mask", "token_type_ids")  # as transformers calls them
TOLERANCE = 1e-4  # of the largest number, where that is above 1
_BATCHES = ((1, 1), (1, 40), (2, 7), (7, 32))  # rows, and tokens each is filled up to
_GOLDEN = (4, 16)
_SEED = 20


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """`texts` are the contents of config.json, tokenizer.json and those beside them, by name; `labels` a classifier's,
    none of an embedder."""

    model: TextEmbedder | TextClassifier
    texts: Mapping[str, bytes]
    lineage: ImportLineage
    labels: tuple[str, ...] = ()

    @property
    def takes(self) -> tuple[TensorSpec, ...]:
        return tuple(TensorSpec(name, "INT64", (-1, -1)) for name in INPUTS)

    @property
    def gives(self) -> TensorSpec:
        if self.labels:
            return TensorSpec("probabilities", "FP32", (-1, len(self.labels)))
        return TensorSpec("embedding", "FP32", (-1, self.model.bert.config.hidden_size))


def publish(reading: Reading, directory: Path, backend: str = "") -> Path:
    """The new version's folder in the model's `directory`, whose config.pbtxt is written where there is none.

    May run beside other publishers of the same model. Raises `PublishFailed` and `ParityFailed`; then no version was
    published.
    """
    if backend not in ("", "onnxruntime"):
        raise PublishFailed(f"models that read text are published for onnxruntime only, '{backend}' was asked for")
    default = config_pbtxt.render_reading(directory.name, reading.takes, reading.gives, bool(reading.labels))
    beside = {config_pbtxt.CONFIG: default}
    if reading.labels:
        beside[config_pbtxt.LABELS] = labels_file.encode(reading.labels)
    has_own = bool(reading.labels) and not labels_file.fits(directory, reading.labels)

    def fill(staging: Path) -> Manifest:
        config = config_pbtxt.read(directory / config_pbtxt.CONFIG, directory.name, default)
        if config.backend != "onnxruntime":
            raise PublishFailed(f"{config_pbtxt.CONFIG}: backend '{config.backend}' can't serve model.onnx; change it")
        if has_own:
            (staging / config_pbtxt.LABELS).write_text(labels_file.encode(reading.labels))
        return _fill(staging, reading, config)

    return publication.publish(directory, fill, beside)


def _fill(staging: Path, reading: Reading, config: ModelConfig) -> Manifest:
    model = reading.model
    write_texts(staging, reading.texts, model.bert.config.vocab_size)
    tokens = dict(zip(INPUTS, _tokens(model, *_GOLDEN), strict=True))
    path = staging / config.default_model_filename
    onnx.export(model, tuple(tokens.values()), path, reading.takes, (reading.gives.name,))
    reports = _checked(staging, config, reading)
    inputs = {name: tensor.numpy() for name, tensor in tokens.items()}
    outputs = {reading.gives.name: _expected(model, tokens)}
    (staging / golden.FILENAME).write_bytes(golden.encode(GoldenRows(inputs, outputs)))
    return Manifest(
        model=config.name,
        version=0,
        created=utc_now(),
        files=manifest.published_files(staging),
        inputs=reading.takes,
        outputs=(reading.gives,),
        metrics=None,
        parity=reports,
        lineage=reading.lineage,
        labels={reading.gives.name: reading.labels} if reading.labels else {},
    )


def _checked(staging: Path, config: ModelConfig, reading: Reading) -> tuple[ParityReport, ...]:
    try:
        instance = find(config.backend)(staging, config, "cpu")
    except ModelLoadFailed as error:
        raise PublishFailed(f"can't be served as {config_pbtxt.CONFIG} says: {error}; nothing was published") from None
    try:
        return tuple(_compared(instance, reading))
    except BackendFailed as error:
        raise ParityFailed(f"the exported file fails: {error}; not published") from None
    finally:
        instance.close()


def _compared(instance: ModelInstance, reading: Reading) -> Iterator[ParityReport]:
    for rows, length in _BATCHES:
        tokens = dict(zip(INPUTS, _tokens(reading.model, rows, length), strict=True))
        expected = _expected(reading.model, tokens)
        answer = instance.run({name: tensor.numpy() for name, tensor in tokens.items()})[reading.gives.name]
        report = parity.compare("onnx", rows, {"": answer}, {"": expected}, TOLERANCE)
        if report.agreement < 1:
            raise ParityFailed(
                f"the onnx file answers differently from PyTorch for {rows} rows of {length} tokens (largest "
                f"difference {report.max_abs_error:.2g}); not published"
            )
        yield report


def _tokens(model: TextEmbedder | TextClassifier, rows: int, length: int) -> tuple[Tensor, Tensor, Tensor]:
    """Any tokens; each row but the first is filled up, and the second half of each is a second text."""
    config, chance = model.bert.config, torch.Generator().manual_seed(_SEED)
    length = min(length, config.max_position_embeddings)
    positions = torch.arange(length).expand(rows, length)
    ends = length - torch.arange(rows)[:, None].clamp(max=length - 1)
    mask = (positions < ends).long()
    tokens = torch.randint(config.vocab_size, (rows, length), generator=chance)
    return tokens * mask, mask, (positions >= ends // 2).long() * mask * min(1, config.type_vocab_size - 1)


def _expected(model: TextEmbedder | TextClassifier, tokens: Mapping[str, Tensor]) -> np.ndarray:
    with torch.inference_mode():
        answer: np.ndarray = model(*tokens.values()).numpy()
    return answer
