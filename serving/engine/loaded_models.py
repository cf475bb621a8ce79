"""What is loaded, as whoever reads it sees it: every model by its name.

Rule: only the registry puts and removes, each in one step; all methods may be called from any thread, and none blocks.
"""

from collections.abc import Iterable, Iterator

from serving.core.states import VersionStatus
from serving.engine.loaded_model import LoadedModel
from serving.engine.running_rollout import RunningRollout
from serving.engine.servable import Servable
from serving.errors import ModelNotFound


class LoadedModels:
    def __init__(self, names: Iterable[str]) -> None:
        """`names` are those that will be loaded at once."""
        self._models = {name: LoadedModel.loading() for name in names}

    def __repr__(self) -> str:
        return f"<LoadedModels {', '.join(self._models)}>"

    def __contains__(self, name: str) -> bool:
        return name in self._models

    def names(self) -> list[str]:
        return list(self._models)

    def get(self, name: str) -> LoadedModel | None:
        return self._models.get(name)

    def put(self, name: str, model: LoadedModel) -> None:
        self._models[name] = model

    def remove(self, name: str) -> None:
        del self._models[name]

    def all(self) -> dict[str, LoadedModel]:
        return dict(self._models)

    def find(self, name: str, version: str = "") -> Servable:
        """The named version, or the one that serves. Raises `ModelNotFound`, `VersionNotFound`, `ModelNotReady`."""
        return self.model(name).find(name, version)

    def model(self, name: str) -> LoadedModel:
        """Raises `ModelNotFound`."""
        try:
            return self._models[name]
        except KeyError:
            raise ModelNotFound(f"Request for unknown model: '{name}' is not found") from None

    def ready_versions(self, name: str) -> list[str]:
        return [number for number, version in self._models[name].versions.items() if version.served is not None]

    def served(self) -> Iterator[Servable]:
        for model in list(self._models.values()):
            yield from model.served()

    def rollout(self, name: str) -> RunningRollout | None:
        model = self._models.get(name)
        return None if model is None else model.rollout

    def rollouts(self) -> list[RunningRollout]:
        return list(filter(None, map(self.rollout, self.names())))

    def is_strictly_ready(self) -> bool:
        """Whether every model that is known, and was not unloaded, has a version that answers."""
        return all(model.answers or model.was_unloaded for model in list(self._models.values()))

    def statuses(self) -> list[VersionStatus]:
        """Of every version that was loaded or tried."""
        return [status for name, model in self.all().items() for status in model.statuses(name)]
