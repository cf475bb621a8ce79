"""Where versions come from: the repository, or the files that a load request brought.

Rule: blocks; belongs to whoever changes the model, and keeps nothing.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from serving.core.repository_files import Files
from serving.core.states import ModelState, VersionStatus
from serving.engine.dispatch import Dispatch
from serving.engine.load_policy import LoadPolicy
from serving.engine.loaded_model import LoadedModel, Version
from serving.engine.loading import NOTHING_KNOWN, Before, load_model
from serving.engine.override import Override, write_files
from serving.engine.repository import ModelRepository, Repository
from serving.engine.retirement import Folder
from serving.errors import ModelLoadFailed, RepositoryPollFailed


class ModelSource:
    def __init__(
        self, repository: Repository, loop: asyncio.AbstractEventLoop, policy: LoadPolicy, dispatch: Dispatch
    ) -> None:
        self._repository = repository
        self._loop = loop
        self._policy = policy
        self._dispatch = dispatch

    def names(self) -> list[str]:
        return self._repository.names()

    def files(self, name: str, override: Override | None = None) -> Files:
        """Of the repository; none where a request brings all. Raises `ModelLoadFailed` where it can't be told now."""
        return {} if override is not None and override.files else self._repository.fingerprint(name)

    def changed(self, models: Mapping[str, LoadedModel]) -> list[str]:
        """Those that are gone, and those whose files are others now."""
        there = self.names()
        gone = [name for name in models if name not in there]
        return [*gone, *(name for name in there if self.is_changed(name, models.get(name)))]

    def is_changed(self, name: str, model: LoadedModel | None) -> bool:
        """Since it was tried; not where that can't be told, which the repository says."""
        try:
            return model is None or self.files(name) != model.tried
        except ModelLoadFailed:
            return False

    def not_loaded(self, name: str) -> VersionStatus:
        """Of a model that lies there, and nobody asked for; or could, since it is in trouble."""
        trouble = self._repository.trouble(name)
        return VersionStatus(name, "", ModelState.UNAVAILABLE if trouble else ModelState.UNKNOWN, trouble)

    def above(self, name: str, number: str) -> list[str]:
        """The version folders that are there with a higher number; none above ""."""
        return [other for other in self.present(name) if int(other) > int(number)] if number else []

    def present(self, name: str) -> list[str]:
        """The version folders that are there, lowest first."""
        with suppress(ModelLoadFailed):
            return [str(number) for number in self._repository.versions(name)]
        return []

    def load(
        self, name: str, override: Override | None, before: Before = NOTHING_KNOWN
    ) -> tuple[dict[str, Version], Folder | None]:
        """The versions, and the temporary folder that their files are in. Raises what `load_model` does."""
        if override is None or not override.files:
            if name not in self.names():
                raise RepositoryPollFailed(f"the repository has no folder '{name[:100]}'")
            config = None if override is None else override.config
            read = partial(load_model, self._repository, name, config, before=before)
            return read(self._loop, dispatch=self._dispatch, policy=self._policy), None
        folder = TemporaryDirectory(prefix="slipway-", ignore_cleanup_errors=True)
        try:
            write_files(Path(folder.name) / name, override.files)
            brought = ModelRepository(Path(folder.name))
            read = partial(load_model, brought, name, override.config, is_brought=True)
            return read(self._loop, dispatch=self._dispatch, policy=self._policy), folder
        except Exception:
            folder.cleanup()
            raise
