"""A model's folder becomes the next version of a model in a repository.

Rule: what can be refused is refused before the weights, which may be large, are read.
"""

from dataclasses import dataclass
from pathlib import Path

from training.errors import ImportRefused
from training.export import decoder_package, encoder_package
from training.export.decoder_package import Written
from training.export.encoder_package import Reading
from training.export.manifest import ImportLineage
from training.huggingface import decoder_config, encoder_config
from training.huggingface.decoder import decoder
from training.huggingface.encoder import classifier, embedder
from training.huggingface.fields import Fields
from training.huggingface.folder import read_config, read_texts
from training.huggingface.weights import Weights, weight_files
from training.precision import FLOAT32
from training.provenance import library_versions

ARCHITECTURES = (*decoder_config.ARCHITECTURES, *encoder_config.ARCHITECTURES)


@dataclass(frozen=True, slots=True)
class Source:
    """`texts` are its files of text by name, `files` those of its weights."""

    directory: Path
    architecture: str
    fields: Fields
    texts: dict[str, bytes]
    files: list[Path]
    precision: str = FLOAT32
    """Of the weights as they will be published."""

    @property
    def size(self) -> int:
        """Of the weights' files, in bytes."""
        return sum(path.stat().st_size for path in self.files)

    def lineage(self, weights: Weights) -> ImportLineage:
        versions = library_versions("torch", "onnx", "onnxruntime", "safetensors")
        return ImportLineage(self.directory.resolve().name, self.architecture, weights.sha256, versions)


def look(directory: Path, precision: str = FLOAT32) -> Source:
    """Raises `ImportRefused` for a folder whose weights needn't be read."""
    folder = encoder_config.transformer_folder(directory)
    fields = read_config(folder)
    architecture = _architecture(fields)
    if quantised := fields.get("quantization_config"):
        kind = quantised.get("quant_method") if isinstance(quantised, dict) else quantised
        raise ImportRefused(
            f"the weights are quantised ({str(kind)[:50]}), which is not served; take the model's folder with "
            "bfloat16 or float16 weights"
        )
    source = Source(directory, architecture, fields, read_texts(folder), weight_files(folder), precision)
    _check(source)
    return source


def publish(source: Source, weights: Weights, directory: Path, backend: str = "") -> Path:
    """The new version's folder in the model's `directory`. Raises `ImportRefused`, and what publishing raises."""
    fields, tensors, lineage = source.fields, weights.tensors, source.lineage(weights)
    if source.architecture in decoder_config.ARCHITECTURES:
        model = decoder(source.architecture, fields, tensors)
        return decoder_package.publish(Written(model, source.texts, lineage, source.precision), directory, backend)
    if source.architecture == encoder_config.EMBEDDER:
        reading = Reading(embedder(fields, *encoder_config.pooling(source.directory), tensors), source.texts, lineage)
    else:
        reading = Reading(classifier(fields, tensors), source.texts, lineage, encoder_config.labels(fields))
    return encoder_package.publish(reading, directory, backend)


def _check(source: Source) -> None:
    """Raises `ImportRefused` for what `publish` would refuse."""
    if source.architecture in decoder_config.ARCHITECTURES:
        decoder_config.decoder_config(source.architecture, source.fields)
        return
    if source.precision != FLOAT32:
        raise ImportRefused(
            f"--weights {source.precision} is for models that write, this is a {source.architecture}; leave it out"
        )
    encoder_config.encoder_config(source.fields)
    encoder_config.pooling(source.directory)
    encoder_config.check_case(source.directory)
    encoder_config.are_independent(source.fields)


def _architecture(fields: Fields) -> str:
    found = fields.get("architectures")
    names = found if isinstance(found, list) else []
    for name in names:
        if name in ARCHITECTURES:
            return str(name)
    said = ", ".join(str(name)[:80] for name in names) or "none"
    raise ImportRefused(
        f"config.json: 'architectures' is {said}, those that can be imported are {', '.join(ARCHITECTURES)}"
    )
