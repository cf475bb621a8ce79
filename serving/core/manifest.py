"""`manifest.json` as a server reads it: which files a version was published with, and their hashes.

Rule: what is read here is only compared with; the file itself may come from anywhere.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from serving.core.brief import brief
from serving.errors import ModelLoadFailed

FILENAME = "manifest.json"

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class ManifestFiles:
    """`sha256` by file name, in lower-case hexadecimal. `created` and `metrics` are its publisher's words."""

    sha256: Mapping[str, str]
    created: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)


def decode(content: bytes) -> ManifestFiles:
    """Raises `ModelLoadFailed` naming what is wrong."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelLoadFailed(f"{FILENAME} is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise ModelLoadFailed(f"{FILENAME} must be an object, got {brief(document)}")
    files = document.get("files", {})  # there are manifests that only say what goes in and out
    if not isinstance(files, dict):
        raise ModelLoadFailed(f"{FILENAME}: 'files' must be an object, got {brief(files)}")
    created, metrics = document.get("created", ""), document.get("metrics", {})
    return ManifestFiles(
        {name: _hash(name, entry) for name, entry in files.items()},
        created if isinstance(created, str) else "",
        metrics if isinstance(metrics, dict) else {},
    )


def _hash(name: str, entry: Any) -> str:
    found = entry.get("sha256") if isinstance(entry, dict) else None
    if not isinstance(found, str) or not _SHA256.fullmatch(found):
        raise ModelLoadFailed(f"{FILENAME}: files['{name[:100]}'].sha256 must be 64 hexadecimal digits")
    return found.lower()
