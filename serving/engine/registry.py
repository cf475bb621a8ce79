"""What is loaded: every version of every model with its state, and the reason where it can't be served.

Rule: one model's failure is that model's state, never the server's; and while a model is replaced, its old versions
answer.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from serving.core.states import ModelState, VersionStatus
from serving.engine.dispatch import Dispatch
from serving.engine.loading import Version, load_model, reason_of, unavailable
from serving.engine.name_locks import NameLocks
from serving.engine.override import Override, write_files
from serving.engine.repository import ModelRepository
from serving.engine.servable import Servable
from serving.errors import ModelLoadFailed, ModelNotFound, ModelNotReady, RepositoryPollFailed, VersionNotFound

log = logging.getLogger("slipway")

_UNLOADED = "unloaded"  # Triton's word, which its clients' tests look for
_RETRY = 60.0  # seconds between looks at a model that still runs although it was unloaded


class ModelRegistry:
    """`load` and `close` block; all methods may be called from any thread."""

    def __init__(
        self, repository: ModelRepository, loop: asyncio.AbstractEventLoop, names: Iterable[str] | None = None
    ) -> None:
        """`names` are the models that will be loaded at once, by default the whole repository's."""
        self.dispatch = Dispatch(self.find)
        self._repository = repository
        self._loop = loop
        self._models: dict[str, dict[str, Version]] = {
            name: {"": Version(ModelState.LOADING)} for name in (repository.names() if names is None else names)
        }
        self._changing = NameLocks()  # one load or unload of a model at a time
        self._retiring: set[Servable] = set()
        self._overridden: dict[str, TemporaryDirectory[str]] = {}

    def __repr__(self) -> str:
        return f"<ModelRegistry {len(self._models)} models>"

    def names(self) -> list[str]:
        return list(self._models)

    @property
    def repository(self) -> ModelRepository:
        return self._repository

    def load(self, name: str, override: Override | None = None) -> None:
        """Load a model, or load it anew: its old versions answer until the new ones are ready, and stay if one fails.

        Raises `ModelLoadFailed`, which is also the model's state then if it had nothing ready.
        """
        with self._changing.held(name):
            old = self._models.get(name, {})
            had_ready = any(version.served for version in old.values())
            if not had_ready:
                self._models[name] = {"": Version(ModelState.LOADING)}
            try:
                new, folder = self._load(name, override)
            except Exception as error:  # whatever a model's files cause is its own failure
                self._settle(name, old, had_ready, error)
                raise _poll_failed(name, error) from None
            failed = [
                f"version {number} is at UNAVAILABLE state: {it.reason};" for number, it in new.items() if it.reason
            ]
            kept, retired = (old, new) if failed and had_ready else (new, old)
            self._models[name] = kept
            self._retire(retired, folder if kept is old else self._swap_folder(name, folder))
        if failed:
            raise ModelLoadFailed(f"load failed for model '{name}': {' '.join(failed)}")

    def unload(self, name: str) -> None:
        """Returns at once: requests that were accepted are answered, new ones refused. An unknown model is unloaded."""
        with self._changing.held(name):
            old = self._models.get(name, {})
            gone = {number: Version(ModelState.UNLOADING) for number, version in old.items() if version.served}
            if gone:
                log.info("%s is unloading", name)
                self._models[name] = gone
                self._retire(old, self._swap_folder(name, None), then=lambda: self._note_unloaded(name, gone))
            elif old:
                self._models[name] = {number: Version(ModelState.UNAVAILABLE, reason=_UNLOADED) for number in old}

    def drain(self) -> None:
        """Hold no request back any more; new ones are still answered."""
        for model in self.served():
            model.drain()

    def close(self, timeout: float) -> bool:
        """Every model answers what it has queued, all at once; False when one still runs after `timeout` seconds."""
        loaded = [*self.served(), *list(self._retiring)]
        with ThreadPoolExecutor(max_workers=max(1, len(loaded))) as pool:
            ended = all(list(pool.map(lambda model: model.close(timeout), loaded)))
        for folder in self._overridden.values():
            folder.cleanup()
        return ended

    def find(self, name: str, version: str = "") -> Servable:
        """The named version, or the highest that is ready. Raises `ModelNotFound`, `VersionNotFound`, `ModelNotReady`.

        The words are Triton's (core/src/model_repository_manager.cc), whose clients' tests look for them.
        """
        try:
            versions = self._models[name]
        except KeyError:
            raise ModelNotFound(f"Request for unknown model: '{name}' is not found") from None
        entry = _newest_ready(versions) if not version else versions.get(version)
        if entry is not None and entry.served is not None:
            return entry.served
        if any(other.state is ModelState.LOADING for other in versions.values()):
            raise ModelNotReady(f"Request for unknown model: '{name}' is not at ready state, it is loading")
        if not version:
            raise VersionNotFound(f"Request for unknown model: '{name}' has no available versions{_why(versions)}")
        if entry is None:
            raise VersionNotFound(f"Request for unknown model: '{name}' version {version} is not found")
        raise ModelNotReady(
            f"Request for unknown model: '{name}' version {version} is not at ready state: "
            f"{entry.reason or entry.state.value}"
        )

    def ready_versions(self, name: str) -> list[str]:
        return [version for version, entry in self._models[name].items() if entry.served is not None]

    def statuses(self) -> list[VersionStatus]:
        """Of every version that was loaded or tried."""
        return [
            VersionStatus(name, version, entry.state, entry.reason)
            for name, versions in list(self._models.items())
            for version, entry in versions.items()
        ]

    def index(self) -> list[VersionStatus]:
        """What was loaded, and what lies in the repository and was not. Reads the disk."""
        others = [name for name in self._repository.names() if name not in self._models]
        return [*self.statuses(), *(VersionStatus(name, "", ModelState.UNKNOWN) for name in others)]

    def served(self) -> Iterator[Servable]:
        for versions in list(self._models.values()):
            yield from (entry.served for entry in versions.values() if entry.served is not None)

    def _load(self, name: str, override: Override | None) -> tuple[dict[str, Version], TemporaryDirectory[str] | None]:
        if override is None or not override.files:
            if name not in self._repository.names():
                raise RepositoryPollFailed(f"the repository has no folder '{name[:100]}'")
            return load_model(self._repository, name, override and override.config, self._loop, self.dispatch), None
        folder = TemporaryDirectory(prefix="slipway-")
        try:
            write_files(Path(folder.name) / name, override.files)
            return load_model(
                ModelRepository(Path(folder.name)), name, override.config, self._loop, self.dispatch, is_brought=True
            ), folder
        except Exception:
            folder.cleanup()
            raise

    def _settle(self, name: str, old: dict[str, Version], had_ready: bool, error: Exception) -> None:
        if had_ready:
            log.error("%s could not be loaded anew and goes on as it is: %s", name, reason_of(error))
        elif isinstance(error, RepositoryPollFailed):  # nothing is known of it, as before
            log.error("%s could not be loaded: %s", name, error)
            self._models.pop(name)
            if any(version.state is not ModelState.LOADING for version in old.values()):
                self._models[name] = old
        else:
            self._models[name] = {"": unavailable(name, "", error)}

    def _swap_folder(self, name: str, folder: TemporaryDirectory[str] | None) -> TemporaryDirectory[str] | None:
        """Remember `folder` as what the model's files are in; what they were in before."""
        previous = self._overridden.pop(name, None)
        if folder is not None:
            self._overridden[name] = folder
        return previous

    def _retire(
        self,
        versions: Mapping[str, Version],
        folder: TemporaryDirectory[str] | None,
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """In a thread of its own, since what runs may run long."""
        models = [version.served for version in versions.values() if version.served is not None]
        self._retiring.update(models)

        def end() -> None:
            for model in models:
                while not model.close(_RETRY):
                    log.warning("%r still runs, although it was unloaded", model)
                self._retiring.discard(model)
            if folder is not None:
                folder.cleanup()
            then()

        threading.Thread(target=end, name="retire", daemon=True).start()

    def _note_unloaded(self, name: str, versions: dict[str, Version]) -> None:
        with self._changing.held(name):
            if self._models.get(name) is versions:
                self._models[name] = {number: Version(ModelState.UNAVAILABLE, reason=_UNLOADED) for number in versions}


def _poll_failed(name: str, error: Exception) -> ModelLoadFailed:
    """In Triton's words (core/src/model_repository_manager.cc), with the cause, which it only logs."""
    if isinstance(error, RepositoryPollFailed):
        return RepositoryPollFailed(f"failed to load '{name}', failed to poll from model repository: {error}")
    return ModelLoadFailed(f"load failed for model '{name}': {reason_of(error)}")


def _newest_ready(versions: dict[str, Version]) -> Version | None:
    return next((entry for entry in reversed(versions.values()) if entry.served is not None), None)


def _why(versions: Mapping[str, Version]) -> str:
    reasons = [entry.reason for entry in versions.values() if entry.reason]
    return f": {'; '.join(reasons)}" if reasons else ""
