"""`manifest.json` as a server reads it: which files a version was published with, and what goes into a model and out.

Rule: no part is read before somebody asks for it; the file may come from anywhere, and be about anything else.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from serving.core.brief import brief
from serving.core.datatypes import DTYPES
from serving.core.requests import TensorSpec
from serving.errors import ModelLoadFailed

FILENAME = "manifest.json"

Manifest = Mapping[str, Any]

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def decode(content: bytes) -> Manifest:
    """All of these raise `ModelLoadFailed` naming what is wrong."""
    try:
        manifest = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelLoadFailed(f"{FILENAME} is no JSON: {error}") from None
    if not isinstance(manifest, dict):
        raise ModelLoadFailed(f"{FILENAME} must be an object, got {brief(manifest)}")
    return manifest


def hashes(manifest: Manifest) -> dict[str, str]:
    """The SHA-256 of each file, in lower-case hexadecimal; of none where it only says what goes in and out."""
    files = manifest.get("files", {})
    if not isinstance(files, dict):
        raise ModelLoadFailed(f"{FILENAME}: 'files' must be an object, got {brief(files)}")
    return {name: _hash(name, entry) for name, entry in files.items()}


def tensors(manifest: Manifest, kind: str) -> tuple[TensorSpec, ...]:
    """Its `inputs` or `outputs`, each with its name, its datatype, and its whole shape."""
    found = manifest.get(kind)
    if not isinstance(found, list) or not found:
        raise ModelLoadFailed(f"{FILENAME}: '{kind}' must be a list of tensors, got {brief(found)}")
    return tuple(_tensor(tensor, f"{kind}[{number}]") for number, tensor in enumerate(found))


def _hash(name: str, entry: Any) -> str:
    found = entry.get("sha256") if isinstance(entry, dict) else None
    if not isinstance(found, str) or not _SHA256.fullmatch(found):
        raise ModelLoadFailed(f"{FILENAME}: files['{name[:100]}'].sha256 must be 64 hexadecimal digits")
    return found.lower()


def _tensor(tensor: Any, where: str) -> TensorSpec:
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
