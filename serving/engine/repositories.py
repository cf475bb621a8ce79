"""Several model repositories as one.

Rule: a model whose name is in more than one of them is in none, and says so; a repository that can't be read now costs
the others nothing.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from serving.core import remote_address
from serving.core.model_config import ModelConfig
from serving.engine.cache_folder import usual_cache
from serving.engine.object_store import open_objects
from serving.engine.remote_repository import RemoteRepository
from serving.engine.repository import ModelRepository, Repository
from serving.engine.troubles import Troubles
from serving.engine.web_store import open_web
from serving.errors import ModelLoadFailed, RepositoryPollFailed


def open_repositories(places: Path | Iterable[Path | str], cache: Path | None) -> "ModelRepositories":
    """Folders, and addresses whose files are fetched into `cache`; without one, into the system's usual place.

    Raises `ModelLoadFailed` for an address that is none, and where what reads it is not installed.
    """
    return ModelRepositories(_opened(place, cache) for place in ([places] if isinstance(places, Path) else places))


def _opened(place: str | Path, cache: Path | None) -> ModelRepository | RemoteRepository:
    text = str(place)
    if isinstance(place, Path) or not remote_address.is_remote(text):
        return ModelRepository(Path(text.removeprefix("file://")))
    try:
        address = remote_address.parse(text)
    except ValueError as error:
        raise ModelLoadFailed(str(error)) from None
    is_web = address.protocol in ("http", "https")
    return RemoteRepository(open_web(address) if is_web else open_objects(address), cache or usual_cache())


class ModelRepositories:
    """The interface of `ModelRepository`, over those that it is given."""

    def __init__(self, repositories: Iterable[Repository]) -> None:
        self.repositories = tuple(repositories)
        self._found: dict[Repository, list[str]] = {}
        self._outages = Troubles("the model repository %s")
        self._conflicts = Troubles("model '%s'")
        self._unreadable = Troubles("the folder of model '%s'")

    def __repr__(self) -> str:
        return f"<ModelRepositories {self}>"

    def __str__(self) -> str:
        return ", ".join(map(str, self.repositories))

    @property
    def is_watchable(self) -> bool:
        return all(repository.is_watchable for repository in self.repositories)

    @property
    def roots(self) -> list[Path]:
        """The folders whose changes the operating system can tell."""
        return [repository.root for repository in self.repositories if isinstance(repository, ModelRepository)]

    def names(self) -> list[str]:
        """Of one that can't be read, those that it had before. Raises where it never could be."""
        for repository in self.repositories:
            reason = ""
            try:
                self._found[repository] = repository.names()
            except (ModelLoadFailed, OSError) as error:
                if repository not in self._found:
                    raise
                reason = str(error)
                if isinstance(error, OSError):
                    reason = f"the model repository {repository} can't be read: {error.strerror}"
            self._outages.note(str(repository), reason)
        names = sorted({name for names in self._found.values() for name in names})
        self._conflicts.note_all({name: conflict for name in names if (conflict := self._conflict(name))})
        return names

    def trouble(self, name: str, /) -> str:
        outages = (self._outages.of(str(repository)) for repository in self._holders(name))
        return self._conflict(name) or next(filter(None, outages), "") or self._unreadable.of(name)

    def elsewhere(self, name: str, /) -> str:
        return self._of(name).elsewhere(name)

    def reachable(self) -> dict[str, bool]:
        """Whether each could be read when it was asked last."""
        return {str(repository): not self._outages.of(str(repository)) for repository in self.repositories}

    def versions(self, name: str) -> list[int]:
        return self._of(name).versions(name)

    def version_directory(self, name: str, version: int) -> Path:
        return self._of(name).version_directory(name, version)

    def files(self, directory: Path) -> set[str]:
        return ModelRepository(directory.parent).files(directory)

    def config(self, name: str) -> ModelConfig:
        return self._of(name).config(name)

    def labels(self, config: ModelConfig) -> Mapping[str, tuple[str, ...]]:
        return self._of(config.name).labels(config)

    def digest(self, name: str, version: int) -> str:
        return self._of(name).digest(name, version)

    def fingerprint(self, name: str) -> Mapping[str, tuple[int | str, ...]]:
        repository = self._of(name)
        try:
            files = repository.fingerprint(name)
        except ModelLoadFailed as error:
            if not self._outages.of(str(repository)):  # which says it of all its models
                self._unreadable.note(name, str(error))
            raise
        self._unreadable.note(name, "")
        return files

    def prune(self) -> None:
        """Remove from the cache what no server uses any more."""
        remote = [repository for repository in self.repositories if isinstance(repository, RemoteRepository)]
        if remote:
            remote[0].prune()  # they share one cache

    def _of(self, name: str) -> Repository:
        """Raises `RepositoryPollFailed` for a name in none or in several."""
        holders = self._holders(name)
        if not holders:
            self.names()
            holders = self._holders(name)
        if conflict := self._conflict(name):
            raise RepositoryPollFailed(f"model '{name}' is not unique across all model repositories: {conflict}")
        if not holders:
            outages = filter(None, (self._outages.of(str(repository)) for repository in self.repositories))
            raise RepositoryPollFailed(next(outages, f"the repository has no folder '{name[:100]}'"))
        return holders[0]

    def _conflict(self, name: str) -> str:
        """Why a name that was found is no model here; "" for one that is. The words are Triton's."""
        holders = self._holders(name)
        if len(holders) < 2:
            return ""
        return f"model appears in two or more repositories: {' and '.join(map(str, holders))}"

    def _holders(self, name: str) -> list[Repository]:
        """By what the last look found."""
        return [repository for repository, names in list(self._found.items()) if name in names]
