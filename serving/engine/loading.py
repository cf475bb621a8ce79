"""From a model's folder to versions that answer.

Rule: whatever a version's files hold, the result is a version that serves or the reason why it does not.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from serving.backends import backend
from serving.core import autocomplete, ensemble, model_config
from serving.core.brief import writable
from serving.core.model_config import ModelConfig
from serving.core.states import ModelState
from serving.engine.dispatch import Dispatch
from serving.engine.ensemble_loading import load_ensemble
from serving.engine.repository import ModelRepository
from serving.engine.servable import Servable
from serving.engine.served_model import ServedModel
from serving.errors import ModelLoadFailed, RepositoryPollFailed

log = logging.getLogger("slipway")


@dataclass(frozen=True, slots=True)
class Version:
    """`served` while the state is READY, `reason` while it is UNAVAILABLE."""

    state: ModelState
    served: Servable | None = None
    reason: str = ""


def load_model(
    repository: ModelRepository,
    name: str,
    given: ModelConfig | None,
    loop: asyncio.AbstractEventLoop,
    dispatch: Dispatch,
    is_brought: bool = False,
) -> dict[str, Version]:
    """Every version that the model's policy selects, lowest first; `given` takes the place of its config.pbtxt.

    An ensemble's steps go through `dispatch`, and find their models there. Where the model's files came with a request,
    `is_brought`, it may not be Python, which would run in the server.
    Blocks. Raises `ModelLoadFailed` for what concerns all versions.
    """
    config = given or repository.config(name)
    available = repository.versions(name)
    if ensemble.is_ensemble(config):
        return _load_ensemble(repository, name, config, available or [1], dispatch)
    if not available:
        raise ModelLoadFailed(
            f"at least one version must be available under the version policy of model '{name}': it has no folder "
            f"named by a number; put the model's file into {name}/1/"
        )
    config = _completed(repository, name, config, available)
    if is_brought and config.backend == "python":
        raise RepositoryPollFailed("a request can't bring Python code; put model.py into the repository")
    labels = repository.labels(config)
    for warning in (*_without_effect(config), *_label_counts(config, labels)):
        log.warning("%s: %s", name, warning)
    return {
        str(version): _load_version(config, repository.version_directory(name, version), labels, loop)
        for version in _selected(config, available)
    }


def _load_ensemble(
    repository: ModelRepository, name: str, config: ModelConfig, available: list[int], dispatch: Dispatch
) -> dict[str, Version]:
    """It has no files, so that it needs no folder for a version either."""
    config.name = name
    ensemble.graph(config)  # what is wrong with its steps is said before what is wrong with its fields
    config = model_config.complete(config)
    labels = repository.labels(config)
    for warning in (*_without_effect(config), *_label_counts(config, labels)):
        log.warning("%s: %s", name, warning)
    return {
        str(version): Version(ModelState.READY, load_ensemble(str(version), config, labels, repository, dispatch))
        for version in _selected(config, available)
    }


def _selected(config: ModelConfig, available: list[int]) -> list[int]:
    selected = model_config.select_versions(config, available)
    if not selected:
        raise ModelLoadFailed(
            f"at least one version must be available under the version policy of model '{config.name}': the versions "
            f"in its folder are {', '.join(map(str, available))}"
        )
    return selected


def unavailable(name: str, version: str, error: Exception) -> Version:
    expected = isinstance(error, ModelLoadFailed)
    reason = reason_of(error)
    which = f"{name} version {version}" if version else name
    log.error("%s is UNAVAILABLE: %s", which, reason, exc_info=error.__cause__ if expected else error)
    return Version(ModelState.UNAVAILABLE, reason=reason)


def reason_of(error: Exception) -> str:
    """For the model's owner, and without the server's folders, which an operating system's error names."""
    if isinstance(error, ModelLoadFailed):
        return writable(str(error))
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return writable(f"{type(error).__name__}: {words}")


def _completed(repository: ModelRepository, name: str, config: ModelConfig, available: list[int]) -> ModelConfig:
    config.name = name
    directory = repository.version_directory(name, available[0])
    config = autocomplete.with_backend(config, repository.files(directory))
    described = None if config.input and config.output else backend.describe(directory, config)
    if described is not None:
        config = autocomplete.with_tensors(config, *described)
    return model_config.complete(config)


def _load_version(
    config: ModelConfig, directory: Path, labels: Mapping[str, tuple[str, ...]], loop: asyncio.AbstractEventLoop
) -> Version:
    started = time.monotonic()
    try:
        instances = _load_instances(config, directory)
        seconds = time.monotonic() - started
        served = ServedModel(directory.name, config, instances, labels, loop, seconds)
    except Exception as error:  # a runtime may raise anything over a file's content
        return unavailable(config.name, directory.name, error)
    where = " + ".join(f"{count} on {device}" for device, count in Counter(model_config.devices(config)).items())
    log.info("%s version %s is ready (%s, instances: %s)", config.name, directory.name, config.backend, where)
    return Version(ModelState.READY, served)


def _load_instances(config: ModelConfig, directory: Path) -> list[backend.ModelInstance]:
    """All of them, or none: one that fails closes those before it."""
    load = backend.find(config.backend)
    instances: list[backend.ModelInstance] = []
    try:
        instances.extend(load(directory, config, device) for device in model_config.devices(config))
    except BaseException:
        for instance in instances:
            instance.close()
        raise
    return instances


def _without_effect(config: ModelConfig) -> list[str]:
    return [f"config.pbtxt sets '{field}', which has no effect here" for field in model_config.unhonoured(config)]


def _label_counts(config: ModelConfig, labels: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [
        f"output '{output.name}' has {output.dims[-1]} classes and {output.label_filename} {len(labels[output.name])}"
        for output in config.output
        if output.label_filename and output.dims and output.dims[-1] not in (-1, len(labels[output.name]))
    ]
