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


@dataclass(frozen=True, slots=True)
class _Version:
    """`served` while the state is READY, `reason` while it is UNAVAILABLE."""

    state: ModelState
    served: ServedModel | None = None
    reason: str = ""


class ModelRegistry:
    """`load` and `close` block and may run in any thread; look-ups belong to `loop`'s."""

    def __init__(self, repository: ModelRepository, loop: asyncio.AbstractEventLoop) -> None:
        self._repository = repository
        self._loop = loop
        self._models: dict[str, dict[str, _Version]] = {
            name: {"": _Version(ModelState.LOADING)} for name in repository.names()
        }

    def __repr__(self) -> str:
        return f"<ModelRegistry {len(self._models)} models>"

    def names(self) -> list[str]:
        return list(self._models)

    def load(self, name: str) -> None:
        """Afterwards every version of the model is READY or UNAVAILABLE; raises nothing that a model's files cause."""
        try:
            self._models[name] = self._load_model(name)
        except Exception as error:
            self._models[name] = {"": _unavailable(name, "", error)}

    def drain(self) -> None:
        """Hold no request back any more; new ones are still answered."""
        for model in self.served():
            model.drain()

    def close(self, timeout: float) -> bool:
        """Every model answers what it has queued, all at once; False when one still runs after `timeout` seconds."""
        loaded = list(self.served())
        with ThreadPoolExecutor(max_workers=max(1, len(loaded))) as pool:
            return all(list(pool.map(lambda model: model.close(timeout), loaded)))

    def find(self, name: str, version: str = "") -> ServedModel:
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
            f"Request for unknown model: '{name}' version {version} is not at ready state: {entry.reason}"
        )

    def ready_versions(self, name: str) -> list[str]:
        return [version for version, entry in self._models[name].items() if entry.served is not None]

    def index(self) -> list[VersionStatus]:
        return [
            VersionStatus(name, version, entry.state, entry.reason)
            for name, versions in self._models.items()
            for version, entry in versions.items()
        ]

    def served(self) -> Iterator[ServedModel]:
        for versions in list(self._models.values()):
            yield from (entry.served for entry in versions.values() if entry.served is not None)

    def _load_model(self, name: str) -> dict[str, _Version]:
        config = self._repository.config(name)
        labels = self._repository.labels(config)
        for warning in (*_without_effect(config), *_label_counts(config, labels)):
            log.warning("%s: %s", name, warning)
        selected = model_config.select_versions(config, self._repository.versions(name))
        if not selected:
            raise ModelLoadFailed(f"at least one version must be available under the version policy of '{name}'")
        return {str(version): self._load_version(config, version, labels) for version in selected}

    def _load_version(self, config: ModelConfig, version: int, labels: Mapping[str, tuple[str, ...]]) -> _Version:
        directory = self._repository.version_directory(config.name, version)
        try:
            instances = _load_instances(config, directory)
            served = ServedModel(str(version), config, instances, labels, self._loop)
        except Exception as error:  # a runtime may raise anything over a file's content
            return _unavailable(config.name, str(version), error)
        log.info("%s version %d is ready (%s, %d instances)", config.name, version, config.backend, len(instances))
        return _Version(ModelState.READY, served)


def _load_instances(config: ModelConfig, directory: Path) -> list[backend.ModelInstance]:
    load = backend.find(config.backend)
    return [load(directory, config, device) for device in model_config.devices(config)]


def _unavailable(name: str, version: str, error: Exception) -> _Version:
    expected = isinstance(error, ModelLoadFailed)
    reason = _reason(error)
    which = f"{name} version {version}" if version else name
    log.error("%s is UNAVAILABLE: %s", which, reason, exc_info=None if expected else error)
    return _Version(ModelState.UNAVAILABLE, reason=reason)


def _reason(error: Exception) -> str:
    """For the model's owner, and without the server's folders, which an operating system's error names."""
    if isinstance(error, ModelLoadFailed):
        return str(error)
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{type(error).__name__}: {words}"


def _newest_ready(versions: dict[str, _Version]) -> _Version | None:
    return next((entry for entry in reversed(versions.values()) if entry.served is not None), None)


def _why(versions: Mapping[str, _Version]) -> str:
    reasons = [entry.reason for entry in versions.values() if entry.reason]
    return f": {'; '.join(reasons)}" if reasons else ""


def _without_effect(config: ModelConfig) -> list[str]:
    return [f"config.pbtxt sets '{field}', which has no effect here" for field in model_config.unhonoured(config)]


def _label_counts(config: ModelConfig, labels: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [
        f"output '{output.name}' has {output.dims[-1]} classes and {output.label_filename} {len(labels[output.name])}"
        for output in config.output
        if output.label_filename and output.dims and output.dims[-1] not in (-1, len(labels[output.name]))
    ]
