"""What is loaded: every version of every model with its state, and the reason where it can't be served.

Rule: one model's failure is that model's state, never the server's.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from serving.backends import backend
from serving.core import model_config
from serving.core.model_config import ModelConfig
from serving.core.states import ModelState, VersionStatus
from serving.engine.repository import ModelRepository
from serving.engine.served_model import ServedModel
from serving.errors import ModelLoadFailed, ModelNotFound, ModelNotReady, VersionNotFound

log = logging.getLogger("slipway")


@dataclass(slots=True)
class _Version:
    status: VersionStatus
    served: ServedModel | None = None


class ModelRegistry:
    """`load_all` and `close` block and may run in any thread; look-ups belong to `loop`'s."""

    def __init__(self, repository: ModelRepository, loop: asyncio.AbstractEventLoop) -> None:
        self._repository = repository
        self._loop = loop
        self._models: dict[str, dict[str, _Version]] = {}

    def __repr__(self) -> str:
        return f"<ModelRegistry {len(self._models)} models>"

    def load_all(self) -> None:
        for name in self._repository.names():
            self._models[name] = self._load_model(name)

    def close(self) -> None:
        """Every model answers what it has queued; all at once, so that the slowest one sets the time."""
        served = [version.served for versions in self._models.values() for version in versions.values()]
        loaded = [model for model in served if model is not None]
        with ThreadPoolExecutor(max_workers=max(1, len(loaded))) as pool:
            list(pool.map(ServedModel.close, loaded))

    def find(self, name: str, version: str = "") -> ServedModel:
        """The named version, or the highest that is ready. Raises `ModelNotFound`, `VersionNotFound`, `ModelNotReady`.

        The words are Triton's (core/src/model_repository_manager.cc), whose clients' tests look for them.
        """
        try:
            versions = self._models[name]
        except KeyError:
            raise ModelNotFound(f"Request for unknown model: '{name}' is not found") from None
        if not version:
            ready = [entry.served for entry in versions.values() if entry.served is not None]
            if not ready:
                raise VersionNotFound(f"Request for unknown model: '{name}' has no available versions")
            return ready[-1]
        entry = versions.get(version)
        if entry is None:
            raise VersionNotFound(f"Request for unknown model: '{name}' version {version} is not found")
        if entry.served is None:
            raise ModelNotReady(f"Request for unknown model: '{name}' version {version} is not at ready state")
        return entry.served

    def ready_versions(self, name: str) -> list[str]:
        return [version for version, entry in self._models[name].items() if entry.served is not None]

    def index(self) -> list[VersionStatus]:
        return [entry.status for versions in self._models.values() for entry in versions.values()]

    def served(self) -> Iterator[ServedModel]:
        for versions in list(self._models.values()):
            yield from (entry.served for entry in versions.values() if entry.served is not None)

    def _load_model(self, name: str) -> dict[str, _Version]:
        try:
            config = self._repository.config(name)
            labels = self._repository.labels(config)
            selected = model_config.select_versions(config, self._repository.versions(name))
            if not selected:
                raise ModelLoadFailed(f"at least one version must be available under the version policy of '{name}'")
        except ModelLoadFailed as error:
            return {"": _unavailable(name, "", error)}
        for field in model_config.unhonoured(config):
            log.warning("%s: config.pbtxt sets '%s', which has no effect here", name, field)
        return {str(version): self._load_version(config, version, labels) for version in selected}

    def _load_version(self, config: ModelConfig, version: int, labels: Mapping[str, tuple[str, ...]]) -> _Version:
        directory = self._repository.version_directory(config.name, version)
        try:
            instances = _load_instances(config, directory)
        except ModelLoadFailed as error:
            return _unavailable(config.name, str(version), error)
        log.info("%s version %d is ready (%s, %d instances)", config.name, version, config.backend, len(instances))
        served = ServedModel(str(version), config, instances, labels, self._loop)
        return _Version(VersionStatus(config.name, str(version), ModelState.READY), served)


def _load_instances(config: ModelConfig, directory: Path) -> list[backend.ModelInstance]:
    load = backend.find(config.backend)
    return [load(directory, config, device) for device in model_config.devices(config)]


def _unavailable(name: str, version: str, error: ModelLoadFailed) -> _Version:
    log.error("%s%s is UNAVAILABLE: %s", name, f" version {version}" if version else "", error)
    return _Version(VersionStatus(name, version, ModelState.UNAVAILABLE, str(error)))
