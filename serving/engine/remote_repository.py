"""A model repository that lies elsewhere, read through a cache on this machine's disk.

Rule: only what is loaded is fetched, and what a load reads is one state of the model: that of its last `versions`.
"""

import hashlib
import logging
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from serving.core import object_names
from serving.core.brief import brief
from serving.core.model_config import ModelConfig
from serving.core.versions import is_version
from serving.engine.blob_store import BlobStore
from serving.engine.model_trees import ModelTrees, Wanted
from serving.engine.remote_store import RemoteFile, RemoteStore
from serving.engine.repository import ModelRepository, is_model_name, is_passing
from serving.errors import ModelLoadFailed

log = logging.getLogger("slipway")


@dataclass(frozen=True, slots=True)
class _State:
    """What a model's files were at one moment, and the repository of that state alone, into which they are fetched."""

    files: tuple[RemoteFile, ...]
    repository: ModelRepository


class RemoteRepository:
    """The interface of `ModelRepository`. All methods block, and raise `ModelLoadFailed` where the store fails."""

    is_watchable = False

    def __init__(self, store: RemoteStore, cache: Path) -> None:
        self._store = store
        self._blobs = BlobStore(cache)
        self._trees = ModelTrees(self._blobs)
        self._states: dict[str, _State] = {}

    def __repr__(self) -> str:
        return f"<RemoteRepository {self}>"

    def __str__(self) -> str:
        return self._store.url

    def names(self) -> list[str]:
        return sorted(name for name in self._store.folders() if is_model_name(name) and not object_names.fault(name))

    def trouble(self, _: str) -> str:
        return ""

    def elsewhere(self, _: str) -> str:
        return self._store.url

    def versions(self, name: str) -> list[int]:
        """Looks what the store has now, which the other methods then go by."""
        files = self._look(name)
        state = _summary(files)
        self._states[name] = _State(files, ModelRepository(self._trees.open(self._store.url, name, state)))
        return sorted({int(version) for file in files if (version := _version_of(file.path))})

    def version_directory(self, name: str, version: int) -> Path:
        """Fetches the version."""
        state = self._state(name)
        inside = f"{version}/"
        files = [file for file in state.files if file.path.startswith(inside)]
        if not files:
            raise ModelLoadFailed(f"{self._store.url} has no version {version} of model '{name}'")
        self._fetch_shared(name, state)
        directory = state.repository.version_directory(name, version)
        self._fetch(directory, files, inside, f"{name} version {version}")
        return directory

    def files(self, directory: Path) -> set[str]:
        return ModelRepository(directory.parent).files(directory)

    def config(self, name: str) -> ModelConfig:
        state = self._state(name)
        self._fetch_shared(name, state)
        return state.repository.config(name)

    def labels(self, config: ModelConfig) -> Mapping[str, tuple[str, ...]]:
        state = self._state(config.name)
        self._fetch_shared(config.name, state)
        return state.repository.labels(config)

    def fingerprint(self, name: str) -> Mapping[str, tuple[int | str, ...]]:
        """Size and identity, as the store has them now."""
        files = self._look(name)
        folders = {path[: end + 1] for path in (file.path for file in files) for end in _slashes(path)}
        told: dict[str, tuple[int | str, ...]] = {file.path: (file.size, file.identity) for file in files}
        return {path: of for path, of in {**told, **dict.fromkeys(folders, ())}.items() if not is_passing(path)}

    def digest(self, _: str, __: int) -> str:
        return ""  # what a store tells of its objects changes with their content

    def prune(self) -> None:
        """Remove from the cache what no server uses any more."""
        self._trees.prune()
        freed = self._blobs.prune()
        if freed:
            log.info("%d MB that no model uses any more were removed from the model cache", freed // 1_000_000)

    def _look(self, name: str) -> tuple[RemoteFile, ...]:
        """Raises `ModelLoadFailed` for a name that can't be a file here."""
        if object_names.fault(name) or "/" in name:
            raise ModelLoadFailed(f"'{name[:100]}' is no model's name")
        files = tuple(file for file in self._store.files(name) if "__pycache__/" not in file.path)
        for file in files:
            if reason := object_names.fault(file.path):
                what = brief(f"{name}/{file.path}")
                raise ModelLoadFailed(f"{what} can't be a file of the model's folder: it {reason}")
        if both := object_names.both_file_and_folder(file.path for file in files):
            raise ModelLoadFailed(f"'{name}/{both}' is both a file and a folder")
        return files

    def _state(self, name: str) -> _State:
        if name not in self._states:
            self.versions(name)
        return self._states[name]

    def _fetch_shared(self, name: str, state: _State) -> None:
        """What lies beside the versions: the config, labels, samples for warming up."""
        files = [file for file in state.files if not _version_of(file.path)]
        self._fetch(state.repository.root / name, files, "", name)

    def _fetch(self, directory: Path, files: Iterable[RemoteFile], inside: str, what: str) -> None:
        started, fetched = time.monotonic(), []

        def wanted(file: RemoteFile) -> Wanted:
            def fetch(target: Path) -> None:
                self._store.fetch(file, target)
                fetched.append(target.stat().st_size)

            return Wanted(file.path.removeprefix(inside), file.size, self._source(file), fetch)

        self._trees.fill(directory, [wanted(file) for file in files if file.path != inside])
        if fetched:
            megabytes, seconds = sum(fetched) / 1e6, time.monotonic() - started
            log.info("%s: %d files (%.1f MB) fetched in %.1f s", what, len(fetched), megabytes, seconds)

    def _source(self, file: RemoteFile) -> str:
        """Under what name the cache knows its content; "" where the store does not tell when that changes."""
        return f"{file.location}\n{self._store.url}\n{file.size}\n{file.identity}" if file.identity else ""


def _version_of(path: str) -> str:
    """The version in whose folder a file lies, "" for one beside them."""
    first, slash, _ = path.partition("/")
    return first if slash and is_version(first) else ""


def _slashes(path: str) -> list[int]:
    return [place for place, letter in enumerate(path) if letter == "/"]


def _summary(files: Sequence[RemoteFile]) -> str:
    """The same for the same state; never the same again where the store does not tell whether it is."""
    lines = [f"{file.path}\n{file.size}\n{file.identity}" for file in files]
    if not all(file.identity or file.path.endswith("/") for file in files):
        lines.append(secrets.token_hex())
    return hashlib.sha256("\n".join(lines).encode(errors="replace")).hexdigest()
