"""Loading and unloading by request, of models and of what they need.

Rule: a model that others need comes before them and goes after them; no lock is held while another model loads.
"""

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

from serving.core import ensemble_models
from serving.core.ensemble import is_ensemble
from serving.core.model_config import ModelConfig
from serving.core.states import ModelState
from serving.engine.ensemble_loading import Needs, NeedsOnDisk
from serving.engine.loaded_model import LoadedModel
from serving.engine.override import Override
from serving.engine.registry import ModelRegistry
from serving.engine.servable import Servable
from serving.errors import ModelLoadFailed

log = logging.getLogger("slipway")

_PATIENCE = 60.0
"""Seconds that the models of an unloaded ensemble stay for its last requests."""


class Dependencies:
    """All methods block, and may be called from any thread. A registry has one, for the sake of its lock."""

    def __init__(self, registry: ModelRegistry) -> None:
        self._registry = registry
        self._ensembles = threading.Lock()
        """One ensemble becomes ready at a time, so that two can't be checked at once and then need one another."""
        self._brought: dict[str, Override] = {}
        """What ensembles were loaded with that are not as the repository has them."""

    def load_order(self, names: Iterable[str]) -> list[str]:
        """Those models, and those of the repository that they need, each after what it needs. Reads the disk."""
        asked = list(names)
        known = {*asked, *self._registry.repository.names()}
        order = ensemble_models.load_order(asked, NeedsOnDisk(self._registry.repository))
        return [name for name in order if name in known]

    def load(self, name: str, override: Override | None = None) -> None:
        """As `ModelRegistry.load`; before an ensemble, what it needs and is not loaded, and afterwards the ensembles
        that need any of these."""
        config = self._config(name, override)
        needs = Needs(self._registry.repository, self._registry.dispatch, *([config] if config else []))
        in_repository = set(self._registry.repository.names()) - {name}
        others = [other for other in ensemble_models.load_order([name], needs) if other in in_repository]
        with self._followed(*others, name):
            loaded: set[str] = set()
            for other in others:
                if not self._serving(other) or loaded.intersection(needs(other)):
                    loaded.add(other)
                    with suppress(ModelLoadFailed):  # which is its own state, and which the ensemble will say
                        self.load_alone(other, self._brought.get(other))
            self.load_alone(name, override)

    def load_alone(self, name: str, override: Override | None = None) -> None:
        """As `ModelRegistry.load`."""
        config = self._config(name, override)
        with self._turn(config):
            self._registry.load(name, override)
            if override is not None and is_ensemble(override.config):
                self._brought[name] = override
            else:
                self._brought.pop(name, None)

    def sync(self, name: str) -> None:
        """As `ModelRegistry.sync`, and afterwards the ensembles that need it."""
        with self._followed(name), self._turn(self._config(name, None)):
            self._registry.sync(name)

    def unload(self, name: str, with_dependents: bool = False) -> None:
        """As `ModelRegistry.unload`; `with_dependents` also the models that nothing else needs, after an ensemble's
        last request was answered."""
        others = self._only_needed_by(name) if with_dependents else []
        for each in (name, *others):
            ensembles = [model for model in self._serving(each) if is_ensemble(model.config)]
            self._registry.unload(each)
            self._brought.pop(each, None)
            for ensemble in ensembles if others else []:
                if not ensemble.close(_PATIENCE):
                    log.warning("%r still runs, and its models are unloaded all the same", ensemble)

    def _turn(self, config: ModelConfig | None) -> AbstractContextManager[object]:
        return self._ensembles if config is not None and is_ensemble(config) else nullcontext()

    @contextmanager
    def _followed(self, *names: str) -> Iterator[None]:
        """Where others serve under these names in the end, the ensembles that need them are loaded anew, since they
        waited for them, or may not fit any more."""
        before = {name: self._serving(name) for name in names}
        try:
            yield
        finally:
            changed = [name for name in names if self._serving(name) not in (set(), before[name])]
            for ensemble in self._above(changed) if changed else []:
                with suppress(ModelLoadFailed):  # which is its own state
                    self.load_alone(ensemble, self._brought.get(ensemble))

    def _above(self, changed: Sequence[str]) -> list[str]:
        """The ensembles that need them, or one another, each after what it needs."""
        on_disk = NeedsOnDisk(self._registry.repository)
        needs = {name: _needed(name, model, on_disk) for name, model in self._registry.loaded.all().items()}
        touched, above = set(changed), []
        for name in ensemble_models.load_order(needs, lambda name: needs.get(name, ())):
            if name not in changed and touched.intersection(needs.get(name, ())):
                touched.add(name)
                above.append(name)
        return above

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

    def _serving(self, name: str) -> set[Servable]:
        return {model for model in self._registry.loaded.served() if model.name == name}


def _needed(name: str, model: LoadedModel, on_disk: NeedsOnDisk) -> tuple[str, ...]:
    """By what serves, and by what was tried in vain to take its place; none for a model that was unloaded."""
    if model.was_unloaded or any(version.state is ModelState.UNLOADING for version in model.versions.values()):
        return ()
    served = [other for it in model.served() for other in ensemble_models.needed(it.config)]
    tried = on_disk(name) if model.failed or not model.has_ready else ()
    return (*served, *tried)
