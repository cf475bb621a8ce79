"""Is a version what was published? Its files against the hashes in its manifest.

Rule: reads every listed file once, piece by piece; says which one differs, and what to do.
"""

import hashlib
from pathlib import Path

from serving.core import manifest
from serving.core.brief import brief
from serving.errors import ModelLoadFailed

_WAY_OUT = "publish the version again, or delete manifest.json if the change is meant"


def verify(directory: Path, require_manifest: bool) -> manifest.ManifestFiles | None:
    """The manifest of a version's `directory`; None where it has none and none is required.

    With `require_manifest` every file in it must be listed. Raises `ModelLoadFailed`.
    """
    path = directory / manifest.FILENAME
    if not path.is_file():
        if require_manifest:
            raise ModelLoadFailed(
                f"version {directory.name} has no {manifest.FILENAME}, which --require-manifest wants"
            )
        return None
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelLoadFailed(f"{manifest.FILENAME} can't be read: {error.strerror}") from None
    listed = manifest.decode(content)
    for name, expected in listed.sha256.items():
        _verify_file(directory, name, expected)
    if require_manifest:
        _refuse_unlisted(directory, listed)
    return listed


def _verify_file(directory: Path, name: str, expected: str) -> None:
    if "/" in name or "\\" in name or "\0" in name or name in ("", ".", ".."):
        raise ModelLoadFailed(f"{manifest.FILENAME} lists {brief(name)}, which is no file of the version's folder")
    what = f"{brief(name)}, which {manifest.FILENAME} lists,"
    try:
        if not (directory / name).is_file():  # a pipe would be read for ever
            raise ModelLoadFailed(f"{what} is not there; {_WAY_OUT}")
        with (directory / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise ModelLoadFailed(f"{what} can't be read: {getattr(error, 'strerror', None) or error}") from None
    if found != expected:
        raise ModelLoadFailed(
            f"'{name[:100]}' is not the file that was published: its SHA-256 is {found[:12]}..., {manifest.FILENAME} "
            f"says {expected[:12]}...; {_WAY_OUT}"
        )


def _refuse_unlisted(directory: Path, listed: manifest.ManifestFiles) -> None:
    known = {manifest.FILENAME, *listed.sha256}
    for path in sorted(directory.iterdir()):
        if path.name not in known and path.name != "__pycache__":
            raise ModelLoadFailed(f"'{path.name[:100]}' is not listed in {manifest.FILENAME}; {_WAY_OUT}")
