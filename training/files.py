"""Files that are whole or absent, whenever the machine stops.

Rule: bytes reach the disk before the name does, and the name's directory after it.
"""

import os
import secrets
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Returns when the bytes are on the disk. A reader may meanwhile see part of them."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace(path: Path, content: bytes) -> None:
    """Write `path`, creating its directory; readers see the old file or the new one, never a part of either."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        write(temporary, content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)


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
