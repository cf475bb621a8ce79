"""From a model's folder to versions that answer.

Rule: whatever a version's files hold, the result is a version that serves or the reason why it does not.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from serving.backends import backend
from serving.core import ensemble, model_config, response_cache_config
from serving.core.brief import writable
from serving.core.generation_config import is_generating
from serving.core.model_code import refuse_code
from serving.core.model_config import ModelConfig
from serving.core.nan_check import checks_outputs
from serving.core.onnx_options import refuse_files
from serving.core.remembered import Remembered
from serving.core.repository_files import Files, of_all_versions, of_version
from serving.core.rollout_policy import rollout_policy
from serving.core.speech_config import speech_config
from serving.core.states import ModelState
from serving.engine.as_called import as_called
from serving.engine.config_completion import Untold, completed
from serving.engine.config_warnings import config_warnings, label_warnings
from serving.engine.dispatch import Dispatch
from serving.engine.ensemble_loading import load_ensemble
from serving.engine.freed_memory import give_back
from serving.engine.generating_model import GeneratingModel
from serving.engine.generation_loading import load_generating
from serving.engine.known_times import known_times
from serving.engine.load_policy import DEFAULT_POLICY, LoadPolicy
from serving.engine.loaded_model import LoadedModel, Version, sorted_versions
from serving.engine.processes import prove_restarts
from serving.engine.published import Published, read_published
from serving.engine.repository import Repository
from serving.engine.self_check import self_check
from serving.engine.served_model import ServedModel
from serving.engine.table_columns import read_columns
from serving.engine.token_inputs import tokenizer_of
from serving.engine.tuner import Tuner
from serving.engine.verification import verify
from serving.engine.version_labels import labels_of_version
from serving.engine.warm_up import read_samples, warm_up
from serving.errors import ModelLoadFailed, RepositoryPollFailed

log = logging.getLogger("slipway")


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of a model when a load begins.

    `files` is what was listed before anything was read, so that what changes later is noticed. Versions in `kept` are
    taken as they are, those in `without` passed over. `at_start`, when nothing of the model serves, is what is
    remembered of it; then those before the latest versions are loaded too where these fail, or have a trial before
    them. `loaded` is what the model is until then.
    """

    files: Files | None = None
    kept: Mapping[str, Version] = field(default_factory=dict)
    without: Collection[str] = ()
    at_start: Remembered | None = None
    loaded: LoadedModel | None = None


NOTHING_KNOWN = Before()


def load_model(
    repository: Repository,
    name: str,
    given: ModelConfig | None,
    loop: asyncio.AbstractEventLoop,
    is_brought: bool = False,
    dispatch: Dispatch | None = None,
    policy: LoadPolicy = DEFAULT_POLICY,
    before: Before = NOTHING_KNOWN,
) -> dict[str, Version]:
    """Every version that the model's policy selects, lowest first; `given` takes the place of its config.pbtxt.

    Where its files came with a request, `is_brought`, it may not be Python, which would run in the server. An
    ensemble's steps go through `dispatch`, and find their models there. Blocks. Raises `ModelLoadFailed` for what
    concerns all versions.
    """
    files = repository.fingerprint(name) if before.files is None else before.files
    available = repository.versions(name)
    left = [number for number in available if str(number) not in before.without]
    written = given or repository.config(name)
    refuse_code(written, repository.elsewhere(name), policy.model_code)  # before its versions are fetched
    refuse_files(written, repository.elsewhere(name) if given is None else "a load request")
    if ensemble.is_ensemble(written):
        assert dispatch is not None
        chosen = _selected(written, left if available else [1], available)
        return _load_ensemble(repository, name, written, chosen, files, dispatch, policy)
    spare = [] if before.at_start is None else _spare(written, left, before.at_start.current)
    try:
        config = completed(repository, name, written, left or available, spare)
    except Untold as untold:
        return {untold.version: unavailable(name, untold.version, untold.error)}
    if is_brought and config.backend == "python":
        raise RepositoryPollFailed("a request can't bring Python code; put model.py into the repository")
    refuse_code(config, "a load request" if is_brought else repository.elsewhere(name), policy.model_code)
    labels = _checked_labels(repository, config, policy)
    tuner = Tuner(policy, written, None if before.loaded is None else before.loaded.tuning)

    def load(number: int) -> Version:
        return before.kept.get(str(number)) or _load_version(repository, config, number, files, labels, loop, tuner)

    versions = {str(number): load(number) for number in _selected(config, left, available)}
    for number in spare:
        ready = [number for number, version in versions.items() if version.served is not None]
        if ready and not _needs_another(config, versions, ready, files, before.at_start):
            break
        versions[str(number)] = load(number)
    give_back()  # what the runtimes read, packed anew and freed
    return sorted_versions(versions)


def _needs_another(
    config: ModelConfig, tried: Collection[str], ready: list[str], files: Files, at_start: Remembered | None
) -> bool:
    """Whether the newest that is ready has a trial before it, and what it is tried beside is not there yet."""
    newest = max(ready, key=int)
    if at_start is None or rollout_policy(config) is None or at_start.served(newest, files):
        return False
    return len(ready) == 1 or (at_start.served(at_start.current, files) and at_start.current not in tried)


def _spare(config: ModelConfig, available: list[int], served_last: str) -> list[int]:
    """Those before the latest, in the order in which they would serve instead; none where versions are named."""
    if config.version_policy.WhichOneof("policy_choice") not in (None, "latest"):
        return []
    latest = model_config.select_versions(config, available)
    before = [number for number in available if number not in latest]
    return sorted(before, key=lambda number: (str(number) == served_last, number), reverse=True)


def _load_ensemble(
    repository: Repository,
    name: str,
    config: ModelConfig,
    selected: list[int],
    files: Files,
    dispatch: Dispatch,
    policy: LoadPolicy,
) -> dict[str, Version]:
    """It has no files, so that it needs no folder for a version either."""
    config.name = name
    ensemble.graph(config)  # what is wrong with its steps is said before what is wrong with its fields
    config = model_config.complete(config)
    labels = _checked_labels(repository, config, policy)
    _warn(name, label_warnings(config, labels))
    return {
        str(number): Version(
            ModelState.READY,
            load_ensemble(str(number), config, labels, repository, dispatch),
            files=of_version(files, str(number)),
            shared=of_all_versions(files),
        )
        for number in selected
    }


def _checked_labels(repository: Repository, config: ModelConfig, policy: LoadPolicy) -> Mapping[str, tuple[str, ...]]:
    """The labels of a completed config, whose settings for all versions are checked and warned about."""
    rollout_policy(config)
    checks_outputs(config)
    response_cache_config.check(config)
    speech_config(config)
    labels = repository.labels(config)
    _warn(config.name, config_warnings(config, policy))
    return labels


def _warn(what: str, warnings: Iterable[str]) -> None:
    for warning in warnings:
        log.warning("%s: %s", what, warning)


def _selected(config: ModelConfig, left: list[int], available: list[int]) -> list[int]:
    selected = model_config.select_versions(config, left)
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


def poll_failed(name: str, error: Exception) -> ModelLoadFailed:
    """In Triton's words (core/src/model_repository_manager.cc), with the cause, which it only logs."""
    if isinstance(error, RepositoryPollFailed):
        return RepositoryPollFailed(f"failed to load '{name}', failed to poll from model repository: {error}")
    return ModelLoadFailed(f"load failed for model '{name}': {reason_of(error)}")


def reason_of(error: Exception) -> str:
    """For the model's owner, and without the server's folders, which an operating system's error names."""
    if isinstance(error, ModelLoadFailed):
        return writable(str(error))
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return writable(f"{type(error).__name__}: {words}")


def _load_version(
    repository: Repository,
    config: ModelConfig,
    number: int,
    all_files: Files,
    labels: Mapping[str, tuple[str, ...]],
    loop: asyncio.AbstractEventLoop,
    tuner: Tuner,
) -> Version:
    name, version = str(config.name), str(number)
    files = of_version(all_files, version)
    started = time.monotonic()
    instances: list[backend.ModelInstance] = []
    try:
        directory = repository.version_directory(name, number)
        verify(directory, tuner.policy.require_manifest)
        if is_generating(config):
            writing = load_generating(version, config, directory, loop)
            return _generating(writing, files, all_files, read_published(directory))
        config, tuning = tuner.tuned(config, directory)
        instances = _load_instances(config, directory)
        checked = _prove(instances, config, directory)
        is_still = config.backend == "python" or not repository.is_watchable  # such a model may write into its folder
        if not is_still and of_version(repository.fingerprint(name), version) != files:
            raise ModelLoadFailed(f"the files of version {version} changed while it was loaded")
        known = known_times(instances[0], config, directory, tuning)
        tokenizer, columns = tokenizer_of(config, directory), read_columns(config, directory)
        labels = labels_of_version(config, directory, labels)
        _warn(f"{name} version {version}", label_warnings(config, labels))
        seconds = time.monotonic() - started
        served = ServedModel(version, config, instances, labels, loop, seconds, known, tokenizer, columns)
    except Exception as error:  # a runtime may raise anything over a file's content
        _close(instances)
        return unavailable(name, version, error)
    where = " + ".join(f"{count} on {device}" for device, count in Counter(model_config.devices(config)).items())
    log.info("%s version %s is ready (%s, instances: %s%s)", name, version, config.backend, where, checked)
    published, shared = read_published(directory), of_all_versions(all_files)
    return Version(ModelState.READY, served, files=files, shared=shared, tuning=tuning, published=published)


def _generating(model: GeneratingModel, files: Files, all_files: Files, published: Published) -> Version:
    log.info("%s version %s is ready (%s, writes text)", model.name, model.version, model.config.backend)
    return Version(ModelState.READY, model, files=files, shared=of_all_versions(all_files), published=published)


def _prove(instances: list[backend.ModelInstance], config: ModelConfig, directory: Path) -> str:
    """Warm up and self-check, which a version must pass before it gets traffic, and each of its processes too that is
    started again; in words for the log."""
    samples = read_samples(config, directory.parent)

    def prove(*distinct: backend.ModelInstance) -> bool:
        called = [as_called(instance, config) for instance in distinct]
        warm_up(called, config, samples)
        return self_check(called, config, directory)

    has_golden_rows = prove(*dict.fromkeys(instances))
    prove_restarts(instances, prove)
    return ", its golden rows are right" if has_golden_rows else ""


def _load_instances(config: ModelConfig, directory: Path) -> list[backend.ModelInstance]:
    """One for each place, the same one again where they are shared. All of them, or none: one that fails closes those
    before it.
    """
    load = backend.loader(config)
    are_shared = backend.are_shared(config)
    instances: list[backend.ModelInstance] = []
    loaded: dict[object, backend.ModelInstance] = {}
    try:
        for place, device in enumerate(model_config.devices(config)):
            key = device if are_shared else place
            if key not in loaded:
                loaded[key] = load(directory, config, device)
            instances.append(loaded[key])
    except BaseException:
        _close(list(loaded.values()))
        raise
    return instances


def _close(instances: list[backend.ModelInstance]) -> None:
    for instance in dict.fromkeys(instances):
        instance.close()
