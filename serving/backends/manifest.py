"""What a version's manifest.json says of a model whose own file does not say what goes in and out.

Rule: only `inputs` and `outputs` are read, each with its name, its datatype, and its whole shape.
"""

from pathlib import Path
from typing import Any

import orjson

from serving.backends.backend import Specs
from serving.core.brief import brief
from serving.core.datatypes import DTYPES
from serving.core.model_config import ModelConfig
from serving.core.requests import TensorSpec
from serving.errors import ModelLoadFailed

FILENAME = "manifest.json"

_LARGEST = 1 << 24  # bytes


def describe(directory: Path, config: ModelConfig) -> tuple[Specs, Specs]:
    """Raises `ModelLoadFailed` for a version without a manifest, and for one that does not say it."""
    path = directory / FILENAME
    if not path.is_file():
        missing = " and ".join(kind for kind in ("input", "output") if not getattr(config, kind))
        raise ModelLoadFailed(
            f"config.pbtxt lists no {missing}, a TorchScript file does not say what it is, and version "
            f"{directory.name} has no {FILENAME} that does; add input and output {{ name data_type dims }} blocks"
        )
    manifest = _read(path)
    return _specs(manifest, "inputs"), _specs(manifest, "outputs")


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            manifest = orjson.loads(file.read(_LARGEST))
    except OSError as error:
        raise ModelLoadFailed(f"{FILENAME} can't be read: {error.strerror}") from None
    except orjson.JSONDecodeError as error:
        raise ModelLoadFailed(f"{FILENAME} is no JSON: {error}") from None
    if not isinstance(manifest, dict):
        raise ModelLoadFailed(f"{FILENAME} must be an object, got {brief(manifest)}")
    return manifest


def _specs(manifest: dict[str, Any], kind: str) -> Specs:
    tensors = manifest.get(kind)
    if not isinstance(tensors, list) or not tensors:
        raise ModelLoadFailed(f"{FILENAME}: '{kind}' must be a list of tensors, got {brief(tensors)}")
    return tuple(_spec(tensor, f"{kind}[{number}]") for number, tensor in enumerate(tensors))


def _spec(tensor: Any, where: str) -> TensorSpec:
    if not isinstance(tensor, dict):
        raise ModelLoadFailed(f"{FILENAME}: {where} must be an object, got {brief(tensor)}")
    name, datatype, shape = tensor.get("name"), tensor.get("datatype"), tensor.get("shape")
    if not isinstance(name, str) or not name:
        raise ModelLoadFailed(f"{FILENAME}: {where}.name must be a text, got {brief(name)}")
    if not isinstance(datatype, str) or datatype not in DTYPES:
        raise ModelLoadFailed(f"{FILENAME}: {where}.datatype must be one of {', '.join(DTYPES)}, got {brief(datatype)}")
    if not isinstance(shape, list) or not all(type(dim) is int and dim >= -1 for dim in shape):
        raise ModelLoadFailed(f"{FILENAME}: {where}.shape must be a list of sizes, -1 where open, got {brief(shape)}")
    return TensorSpec(name, datatype, tuple(shape))
