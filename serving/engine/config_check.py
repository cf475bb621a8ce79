"""What can be said of a model's completed config without its model's file.

Rule: it refuses what a load would refuse, and warns of what a load would warn of; nothing is loaded or fetched.
"""

from collections.abc import Iterable, Mapping

from serving.core import ensemble, response_cache_config
from serving.core.model_config import ModelConfig, select_versions
from serving.core.nan_check import checks_outputs
from serving.core.rollout_policy import rollout_policy
from serving.core.sequence_config import sequence_config
from serving.core.speech_config import speech_config
from serving.engine.config_warnings import config_warnings, label_warnings
from serving.engine.load_policy import LoadPolicy
from serving.engine.repositories import ModelRepositories
from serving.engine.version_labels import labels_of_version


def checked(config: ModelConfig, repository: ModelRepositories) -> list[str]:
    """Warnings, each with the model's name before it. Raises `ModelLoadFailed`."""
    if ensemble.is_ensemble(config):
        ensemble.graph(config)
    rollout_policy(config)
    checks_outputs(config)
    response_cache_config.check(config)
    sequence_config(config)
    speech_config(config)
    warnings = [f"{config.name}: {each}" for each in config_warnings(config, LoadPolicy(has_response_cache=True))]
    for which, labels in _labels(config, repository):
        warnings += [f"{which}: {each}" for each in label_warnings(config, labels)]
    return warnings


def _labels(config: ModelConfig, repository: ModelRepositories) -> Iterable[tuple[str, Mapping[str, tuple[str, ...]]]]:
    """Of each version that would be served, which may have its own; those of files elsewhere are not fetched."""
    shared, name = repository.labels(config), str(config.name)
    versions = select_versions(config, repository.versions(name)) if shared and repository.is_watchable else []
    if not versions:
        yield name, shared
    for version in versions:
        directory = repository.version_directory(name, version)
        yield f"{name} version {version}", labels_of_version(config, directory, shared)
