"""Is a version what was published? Its files against the hashes in its manifest.

Rule: reads every listed file once, piece by piece; says which one differs, and what to do.
"""

import hashlib
from collections.abc import Collection
from pathlib import Path
from shlex import quote

from serving.backends.manifest import read
from serving.core.brief import brief
from serving.core.manifest import FILENAME, hashes
from serving.errors import ModelLoadFailed

_WAY_OUT = "publish the version again, or delete manifest.json if the change is meant"


def verify(directory: Path, require_manifest: bool) -> None:
    """Of a version's `directory`; where there is no manifest, nothing, unless one is required.

    With `require_manifest` every file in it must be listed. Raises `ModelLoadFailed`.
    """
    for name, expected in listed(directory, require_manifest).items():
        _verify_file(directory, name, expected)


def listed(directory: Path, require_manifest: bool) -> dict[str, str]:
    """The hashes that `verify` compares with, of files that are there; none of them is read. Raises as it does."""
    manifest = read(directory)
    if manifest is None:
        if require_manifest:
            raise ModelLoadFailed(
                f"version {directory.name} has no {FILENAME}, which --require-manifest wants: slipway models manifest "
                f"{quote(str(directory))}"
            )
        return {}
    found = hashes(manifest)
    for name in found:
        _find_file(directory, name)
    if require_manifest:
        _refuse_unlisted(directory, found)
    return found


def _find_file(directory: Path, name: str) -> None:
    if "/" in name or "\\" in name or "\0" in name or name in ("", ".", ".."):
        raise ModelLoadFailed(f"{FILENAME} lists {brief(name)}, which is no file of the version's folder")
    try:
        is_there = (directory / name).is_file()  # a pipe would be read for ever
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from None
    if not is_there:
        raise ModelLoadFailed(f"{brief(name)}, which {FILENAME} lists, is not there; {_WAY_OUT}")


def _unreadable(name: str, error: OSError | ValueError) -> ModelLoadFailed:
    why = getattr(error, "strerror", None) or error
    return ModelLoadFailed(f"{brief(name)}, which {FILENAME} lists, can't be read: {why}")


def _verify_file(directory: Path, name: str, expected: str) -> None:
    try:
        with (directory / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise _unreadable(name, error) from None
    if found != expected:
        raise ModelLoadFailed(
            f"'{name[:100]}' is not the file that was published: its SHA-256 is {found[:12]}..., {FILENAME} "
            f"says {expected[:12]}...; {_WAY_OUT}"
        )


def _refuse_unlisted(directory: Path, names: Collection[str]) -> None:
    known = {FILENAME, *names}
    for path in sorted(directory.iterdir()):
        if path.name not in known and path.name != "__pycache__":
            raise ModelLoadFailed(f"'{path.name[:100]}' is not listed in {FILENAME}; {_WAY_OUT}")
