"""From an ensemble's config to an ensemble that answers.

Rule: an ensemble is ready only when all its models are, and fit together.
"""

import logging
import time
from collections.abc import Iterable, Mapping
from functools import cached_property

from serving.core import ensemble, ensemble_models
from serving.core.ensemble import Graph, Step
from serving.core.model_config import ModelConfig
from serving.engine.dispatch import Dispatch
from serving.engine.ensemble import Ensemble
from serving.engine.repository import Repository
from serving.engine.servable import Servable
from serving.errors import ModelLoadFailed, ModelNotFound, ModelNotReady, VersionNotFound

log = logging.getLogger("slipway")


def load_ensemble(
    version: str,
    config: ModelConfig,
    labels: Mapping[str, tuple[str, ...]],
    repository: Repository,
    dispatch: Dispatch,
) -> Ensemble:
    """`config` is complete. Raises `ModelLoadFailed`, in Triton's words (core/src/model_repository_manager.cc)."""
    started = time.monotonic()
    graph = ensemble.graph(config)
    ensemble_models.check_no_circle(config.name, Needs(repository, dispatch, config))
    models = _models(config.name, graph, dispatch)
    ensemble_models.check_models(config, [model.config for model in models])
    labels = {**_inherited_labels(config, graph, models), **labels}
    seconds = time.monotonic() - started
    log.info("%s version %s is ready (ensemble of %s)", config.name, version, ", ".join(ensemble_models.needed(config)))
    return Ensemble(version, config, graph, labels, dispatch, seconds)


class NeedsOnDisk:
    """What models need by the repository's word; none for a config that can't be read, which its own load will say."""

    def __init__(self, repository: Repository) -> None:
        """Reads the disk when it is called, for the names that are there once."""
        self._repository = repository

    def __call__(self, name: str) -> tuple[str, ...]:
        if name not in self._names:  # a step may name anything
            return ()
        try:
            return ensemble_models.needed(self._repository.config(name))
        except ModelLoadFailed:
            return ()

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self._repository.names())


class Needs:
    """What models need: those that are loaded by their own word, others by the repository's."""

    def __init__(self, repository: Repository, dispatch: Dispatch, *known: ModelConfig) -> None:
        """`known` configs are about to take the place of what is loaded. Reads the disk when it is called."""
        self._on_disk = NeedsOnDisk(repository)
        self._dispatch = dispatch
        self._known = {str(config.name): config for config in known}

    def __call__(self, name: str) -> tuple[str, ...]:
        config = self._known.get(name)
        if config is not None:
            return ensemble_models.needed(config)
        model = self._dispatch.found(name)
        return self._on_disk(name) if model is None else ensemble_models.needed(model.config)


def _models(name: str, graph: Graph, dispatch: Dispatch) -> list[Servable]:
    found: list[Servable] = []
    unknown: list[str] = []
    for step in graph.steps:
        try:
            found.append(_model(name, step, dispatch))
        except ModelNotFound:
            unknown.append(step.model_name)
    if unknown:
        raise ModelLoadFailed(
            f"ensemble {name} contains models that are not available or ambiguous: {', '.join(dict.fromkeys(unknown))}"
        )
    return found


def _model(name: str, step: Step, dispatch: Dispatch) -> Servable:
    try:
        return dispatch.find(step.model_name, step.model_version)
    except (VersionNotFound, ModelNotReady) as error:
        if step.model_version and dispatch.found(step.model_name) is not None:
            raise ModelLoadFailed(
                f"ensemble '{name}' depends on '{step.model_name}' whose required version {step.model_version} is not "
                "loaded"
            ) from None
        raise ModelLoadFailed(
            f"ensemble '{name}' depends on '{step.model_name}' which has no loaded version. Model '{step.model_name}' "
            f"loading failed with error: {error}"
        ) from None


def _inherited_labels(config: ModelConfig, graph: Graph, models: Iterable[Servable]) -> dict[str, tuple[str, ...]]:
    """Of outputs that are, as they are, those of a model that has labels for them."""
    own = {output.name for output in config.output}
    return {
        tensor: model.labels[name]
        for step, model in zip(graph.steps, models, strict=True)
        for name, tensor in step.outputs.items()
        if tensor in own and name in model.labels
    }
