"""A bucket in memory: fsspec's own, with the store that reads any of its file systems."""

from pathlib import Path
from uuid import uuid4

import fsspec

from serving.core.remote_address import Driver, RemoteAddress
from serving.engine.object_store import ObjectStore


class MemoryBucket:
    def __init__(self) -> None:
        self.name = f"bucket-{uuid4()}"
        self.store = ObjectStore(
            RemoteAddress("memory://bucket", "memory", self.name, Driver("fsspec", "memory", "nothing to set")),
            fsspec.filesystem("memory"),
        )

    def put(self, path: str, content: bytes) -> None:
        fsspec.filesystem("memory").pipe_file(f"/{self.name}/{path}", content)

    def put_all(self, root: Path) -> None:
        for path in root.rglob("*"):
            if path.is_file():
                self.put(path.relative_to(root).as_posix(), path.read_bytes())

    def delete(self, path: str) -> None:
        fsspec.filesystem("memory").rm_file(f"/{self.name}/{path}")
