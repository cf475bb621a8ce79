"""Loading and unloading by request, of models and of what they need.

Rule: a model that others need comes before them and goes after them; no lock is held while another model loads.
"""

import logging
import threading
from collections.abc import Iterable
from contextlib import nullcontext, suppress

from serving.core import ensemble_models
from serving.core.ensemble import is_ensemble
from serving.core.model_config import ModelConfig
from serving.engine.ensemble_loading import Needs, needed_on_disk
from serving.engine.override import Override
from serving.engine.registry import ModelRegistry
from serving.errors import ModelLoadFailed

log = logging.getLogger("slipway")

_PATIENCE = 60.0
"""Seconds that the models of an unloaded ensemble stay for its last requests."""


class Dependencies:
    """All methods block, and may be called from any thread."""

    def __init__(self, registry: ModelRegistry) -> None:
        self._registry = registry
        self._ensembles = threading.Lock()
        """One ensemble becomes ready at a time, so that two can't be checked at once and then need one another."""

    def load_order(self, names: Iterable[str]) -> list[str]:
        """Those models, and those of the repository that they need, each after what it needs. Reads the disk."""
        asked = list(names)
        known = {*asked, *self._registry.repository.names()}
        order = ensemble_models.load_order(asked, lambda name: needed_on_disk(self._registry.repository, name))
        return [name for name in order if name in known]

    def load(self, name: str, override: Override | None = None) -> None:
        """As `ModelRegistry.load`; before an ensemble, what it needs and is not loaded."""
        config = self._config(name, override)
        needs = Needs(self._registry.repository, self._registry.dispatch, *([config] if config else []))
        in_repository = set(self._registry.repository.names()) - {name}
        for other in ensemble_models.load_order([name], needs):
            if other in in_repository and not self._is_ready(other):
                with suppress(ModelLoadFailed):  # which is its own state, and which the ensemble will say
                    self._load_alone(other, self._config(other, None), None)
        self._load_alone(name, config, override)

    def sync(self, name: str) -> None:
        """As `ModelRegistry.sync`; then the ensembles that need it are loaded anew, since they waited for it, or may
        not fit any more."""
        try:
            self._registry.sync(name)
        finally:
            changed = [name] if self._is_ready(name) else []
            for each in changed:
                for other in self._needing(each):
                    if other not in changed:
                        with suppress(ModelLoadFailed):
                            self._load_alone(other, self._config(other, None), None)
                            changed.append(other)

    def unload(self, name: str, with_dependents: bool = False) -> None:
        """As `ModelRegistry.unload`; `with_dependents` also the models that nothing else needs, after an ensemble's
        last request was answered."""
        others = self._only_needed_by(name) if with_dependents else []
        for each in (name, *others):
            ensembles = [
                model for model in self._registry.loaded.served() if model.name == each and is_ensemble(model.config)
            ]
            self._registry.unload(each)
            for ensemble in ensembles if others else []:
                if not ensemble.close(_PATIENCE):
                    log.warning("%r still runs, and its models are unloaded all the same", ensemble)

    def _load_alone(self, name: str, config: ModelConfig | None, override: Override | None) -> None:
        with self._ensembles if config is not None and is_ensemble(config) else nullcontext():
            self._registry.load(name, override)

    def _needing(self, name: str) -> list[str]:
        repository = self._registry.repository
        return [other for other in self._registry.loaded.names() if name in needed_on_disk(repository, other)]

    def _only_needed_by(self, name: str) -> list[str]:
        needs = Needs(self._registry.repository, self._registry.dispatch)
        loaded = dict.fromkeys(model.name for model in self._registry.loaded.served())
        return [each for each in ensemble_models.only_needed_by(name, needs, loaded) if each in loaded]

    def _config(self, name: str, override: Override | None) -> ModelConfig | None:
        """As it will be read; None where it can't be, which the load will say."""
        if override is not None:
            return override.config
        try:
            return self._registry.repository.config(name)
        except ModelLoadFailed:
            return None

    def _is_ready(self, name: str) -> bool:
        return self._registry.dispatch.found(name) is not None
