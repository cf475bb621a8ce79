"""Models in a bucket: S3, Google Cloud Storage, Azure, and whatever else fsspec lists as objects.

Rule: a listing is asked for anew each time, as one flat list of a model's objects.
"""

import importlib.util
from pathlib import Path
from typing import Any

from serving.core.remote_address import Driver, RemoteAddress
from serving.engine.remote_store import RemoteFile, fetch, identity, in_words, size
from serving.errors import ModelLoadFailed

_PATIENCE = 60.0  # seconds until a listing is given up; drivers that try again would take many minutes


def open_objects(address: RemoteAddress, patience: float = _PATIENCE) -> "ObjectStore":
    """Raises `ModelLoadFailed` where the driver is not installed or can't do without credentials."""
    require(address.driver, address)
    import fsspec

    with in_words(address, "the model repository"):
        file_system = fsspec.filesystem(
            address.protocol, use_listings_cache=False, skip_instance_cache=True, **address.options
        )
    return ObjectStore(address, file_system, patience)


def require(driver: Driver, address: RemoteAddress) -> None:
    absent = [name for name in (driver.package, "fsspec") if importlib.util.find_spec(name) is None]
    if absent:
        raise ModelLoadFailed(
            f"{address.url} needs the package {absent[0]}, which is not installed: "
            f"pip install 'slipway-serving[{driver.extra}]'"
        )


class ObjectStore:
    """`file_system` is fsspec's, and keeps no listings."""

    def __init__(self, address: RemoteAddress, file_system: Any, patience: float = _PATIENCE) -> None:
        self._address = address
        self._file_system = file_system
        self._limit = {"timeout": patience} if file_system.async_impl else {}

    def __repr__(self) -> str:
        return f"<ObjectStore {self.url}>"

    @property
    def url(self) -> str:
        return self._address.url

    def folders(self) -> list[str]:
        with in_words(self._address, "the model repository"):
            self._file_system.invalidate_cache()
            entries = self._file_system.ls(self._address.root, detail=True, **self._limit)
        found = (_name(entry).removesuffix("/") for entry in entries if entry["type"] == "directory")
        root = self._root_of(entries)
        return [path.removeprefix(root) for path in found if path.startswith(root) and path != root]

    def files(self, folder: str) -> list[RemoteFile]:
        """An object whose name ends with a slash is how buckets keep an empty folder."""
        with in_words(self._address, f"model '{folder}'"):
            self._file_system.invalidate_cache()
            found = self._file_system.find(f"{self._address.root}/{folder}/", detail=True, **self._limit)
            entries = list(found.values())
        prefix = f"{self._root_of(entries)}{folder}/"
        return sorted(
            (
                RemoteFile(_name(entry).removeprefix(prefix), size(entry), identity(entry), _name(entry))
                for entry in entries
                if _name(entry) != prefix and _name(entry).startswith(prefix)
            ),
            key=lambda file: file.path,
        )

    def fetch(self, file: RemoteFile, target: Path) -> None:
        fetch(self._file_system, self._address, file, target)

    def _root_of(self, entries: list[dict[str, Any]]) -> str:
        """As the driver writes it in its names, some of which begin with a slash."""
        is_slashed = any(_name(entry).startswith("/") for entry in entries)
        return f"{'/' if is_slashed else ''}{self._address.root}/"


def _name(entry: dict[str, Any]) -> str:
    return str(entry["name"])
