"""A model's config.pbtxt with all that its files and Triton's defaults add.

Rule: files that can't be read are their version's failure; what is wrong with the config itself is the model's.
"""

from collections.abc import Sequence
from pathlib import Path

from serving.backends import backend
from serving.core import autocomplete, ensemble, generation_config, model_config
from serving.core.generation_config import is_generating
from serving.core.model_config import ModelConfig
from serving.engine.repository import Repository
from serving.errors import ModelLoadFailed


class Untold(Exception):
    """What a config leaves open can't be told from the files of that version, and why."""

    def __init__(self, version: str, error: ModelLoadFailed) -> None:
        super().__init__(version, error)
        self.version = version
        self.error = error


def completed_config(repository: Repository, name: str) -> ModelConfig:
    """A model's config.pbtxt with all that its files and Triton's defaults add. Raises `ModelLoadFailed`."""
    if name not in repository.names():
        raise ModelLoadFailed(f"the repository has no folder '{name[:100]}'; it has {', '.join(repository.names())}")
    available, config = repository.versions(name), repository.config(name)
    if ensemble.is_ensemble(config):
        return model_config.complete(config)
    try:
        return completed(repository, name, config, available)
    except Untold as untold:
        raise untold.error from None


def completed(
    repository: Repository, name: str, config: ModelConfig, available: list[int], spare: Sequence[int] = ()
) -> ModelConfig:
    """From the files of a version that will be loaded, since the others may lie elsewhere, and be fetched for nothing;
    where they can't be read, from one of the `spare`. Raises `ModelLoadFailed`, `Untold`.
    """
    if not available:
        raise ModelLoadFailed(
            f"at least one version must be available under the version policy of model '{name}': it has no folder "
            f"named by a number; put the model's file into {name}/1/, or publish one: slipway train {name}"
        )
    config.name = name
    model_config.check_filename(config.default_model_filename)
    failures: list[Exception] = []
    for number in ((model_config.select_versions(config, available) or available)[0], *spare):
        try:
            return _described(config, repository, repository.version_directory(name, number))
        except (ModelLoadFailed, Untold) as error:
            failures.append(error)
    raise failures[0]


def _described(config: ModelConfig, repository: Repository, directory: Path) -> ModelConfig:
    try:
        config = autocomplete.with_backend(config, repository.files(directory))
        if is_generating(config):
            return generation_config.complete(config)
        described = None if config.input and config.output else backend.describe(directory, config)
        if described is not None:
            config = autocomplete.with_tensors(config, *described)
    except ModelLoadFailed as error:
        raise Untold(directory.name, error) from None
    return model_config.complete(config)
