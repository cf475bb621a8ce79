"""The `manifest.json` of a version whose files lie there already: their hashes, as `verification` wants them.

Rule: whoever reads the folder finds the manifest whole or not at all.
"""

import hashlib
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from serving.backends.manifest import read
from serving.core import manifest
from serving.errors import ModelLoadFailed

_PIECE = 1 << 20  # bytes
_KEPT = ("inputs", "outputs")  # what a TorchScript model without them in its config is served by


def published_files(directory: Path) -> list[Path]:
    """All that a manifest lists: the ordinary files of a version's folder, but itself."""
    return sorted(path for path in directory.iterdir() if path.is_file() and path.name != manifest.FILENAME)


def write(directory: Path, model: str, on_bytes: Callable[[int], object]) -> None:
    """Write it anew; `on_bytes` is told of each piece of a file that was read. Raises `OSError`."""
    path = directory / manifest.FILENAME
    document = {
        "model": model,
        "version": int(directory.name),
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "files": {file.name: _published_file(file, on_bytes) for file in published_files(directory)},
        **_kept(directory),
    }
    temporary = directory.parent / f".{manifest.FILENAME}-{secrets.token_hex(4)}"
    try:
        temporary.write_text(json.dumps(document, indent=2) + "\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _published_file(path: Path, on_bytes: Callable[[int], object]) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            on_bytes(len(piece))
    return {"sha256": digest.hexdigest(), "size": size}


def _kept(directory: Path) -> dict[str, Any]:
    """Of a manifest that is replaced."""
    try:
        document = read(directory) or {}
    except ModelLoadFailed:
        return {}
    return {key: document[key] for key in _KEPT if key in document}
