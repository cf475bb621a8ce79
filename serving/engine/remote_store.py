"""What a store of models elsewhere can do, and what it knows of a file.

Rule: a store tells and fetches; it keeps nothing, and all that goes wrong is a `ModelLoadFailed` in words.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from serving.core.remote_address import RemoteAddress
from serving.engine.remote_faults import reason_of
from serving.errors import ModelLoadFailed

# Of what the drivers tell of a file, what changes with its content; the first that is there counts.
_IDENTITIES = ("ETag", "etag", "generation", "Last-Modified", "LastModified", "last_modified", "mtime", "created")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """`path` is inside the model's folder and ends with a slash for an empty folder; `size` is -1 where none is told.

    `identity` changes whenever the content does, and is "" where the store does not tell. `location` is the driver's.
    """

    path: str
    size: int
    identity: str
    location: str


class RemoteStore(Protocol):
    """All methods block, may be called from any thread, and raise `ModelLoadFailed`."""

    @property
    def url(self) -> str: ...

    def folders(self) -> list[str]:
        """The folders in the root, which are models."""

    def files(self, folder: str) -> list[RemoteFile]:
        """All that lies below one of them, by path; none if there is no such folder."""

    def fetch(self, file: RemoteFile, target: Path) -> None:
        """Write its content to `target`; fails if it is no longer what was listed, before or after."""


def fetch(file_system: Any, address: RemoteAddress, file: RemoteFile, target: Path) -> None:
    with in_words(address, f"'{file.path}'"):
        file_system.get_file(file.location, str(target))
        now = file_system.info(file.location)
    size = target.stat().st_size
    if file.size >= 0 and size != file.size:
        raise ModelLoadFailed(f"'{file.path}' came from {address.url} with {size} bytes instead of {file.size}")
    if identity(now) != file.identity:
        raise ModelLoadFailed(f"'{file.path}' changed in {address.url} while it was fetched; load the model again")


def identity(told: Mapping[str, Any]) -> str:
    found = next((told[key] for key in _IDENTITIES if told.get(key)), "")
    return str(found.timestamp() if isinstance(found, datetime) else found).strip('"')  # Azure quotes it sometimes


def size(told: Mapping[str, Any]) -> int:
    found = told.get("size")
    return -1 if found is None else int(found)


@contextmanager
def in_words(address: RemoteAddress, what: str) -> Iterator[None]:
    try:
        yield
    except ModelLoadFailed:
        raise
    except Exception as error:  # the drivers raise what their own libraries raise
        raise ModelLoadFailed(f"{what} can't be read from {address.url}: {reason_of(error, address)}") from None
