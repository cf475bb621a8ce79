"""How a version appears in a repository.

Rule: whole, by one rename, after whoever filled it was content; whatever fails leaves nothing behind.
"""

import errno
import secrets
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

from training import files
from training.export import manifest
from training.export.manifest import Manifest
from training.export.versions import versions

_TAKEN = {errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR}  # what renaming onto a folder in use, or onto a file, raises


def publish(directory: Path, fill: Callable[[Path], Manifest], beside: Mapping[str, str]) -> Path:
    """The new version's directory. `fill` writes every file but the manifest, which it returns, its version still to be
    found; `beside` are texts for the model's folder, written where there are none.

    May run beside other publishers of the same model.
    """
    staging = directory / f".publishing-{secrets.token_hex(8)}"
    try:
        with files.named(directory):
            staging.mkdir(parents=True)
            description = fill(staging)
            for name, text in beside.items():
                if not (directory / name).exists():
                    files.replace(directory / name, text.encode())
            return _claim_version(staging, directory, description)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        with suppress(OSError):  # removed only while it is empty, when it would look like a broken model
            directory.rmdir()
        raise


def _claim_version(staging: Path, directory: Path, description: Manifest) -> Path:
    """A number that another publisher takes first, or that a stray file has, is passed over."""
    for path in staging.iterdir():
        files.sync(path)
    for version in count(max(versions(directory), default=0) + 1):
        files.write(staging / manifest.FILENAME, replace(description, version=version).encode())
        files.sync_directory(staging)
        try:
            staging.rename(directory / str(version))
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            continue
        files.sync_directory(directory)
        return directory / str(version)
    raise AssertionError("numbers don't run out")
