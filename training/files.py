"""Files that are whole or absent, whenever the machine stops or its disk is full.

Rule: bytes reach the disk before the name does, and the name's directory after it.
"""

import errno
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""What is raised where there is no room."""


def write(path: Path, content: bytes) -> None:
    """Returns when the bytes are on the disk. A reader may meanwhile see part of them."""
    with named(path), path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, content: bytes) -> None:
    """Write `path`, creating its directory; readers see the old file or the new one, never a part of either."""
    replace_all(path.parent, {path.name: content})


def replace_all(directory: Path, contents: Mapping[str, bytes]) -> None:
    """The same for several files, which take their names in this order when there was room for all of them."""
    directory.mkdir(parents=True, exist_ok=True)
    written = {directory / f".{name}-{secrets.token_hex(4)}": name for name in contents}
    try:
        for temporary, name in written.items():
            with named(directory / name):
                write(temporary, contents[name])
        for temporary, name in written.items():
            temporary.replace(directory / name)
    finally:
        for temporary in written:
            temporary.unlink(missing_ok=True)
    sync_directory(directory)


def append(path: Path, content: bytes) -> None:
    """Raises OSError, and then the file is as it was."""
    with named(path), path.open("ab", buffering=0) as file:
        size = file.tell()
        try:
            if file.write(content) < len(content):  # there was room for a part only
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            file.truncate(size)
            raise


def sync_directory(directory: Path) -> None:
    """Returns when the directory's names are on the disk; the files' bytes are their writers' business."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync(path: Path) -> None:
    """The same for one file that some library has written."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Says of a write that has no room that it was `path`'s; by itself it does not say whose it was."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None
