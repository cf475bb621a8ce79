"""The facade that every transport calls: which models there are, and in what state.

Rule: knows no protocol; what it raises is in `serving/errors.py`.
"""

from serving.core.states import ModelState, VersionStatus
from serving.engine.registry import ModelRegistry
from serving.engine.served_model import ServedModel
from serving.errors import ModelNotFound, ModelNotReady


class Engine:
    def __init__(self, registry: ModelRegistry) -> None:
        self._registry = registry
        self.accepting = False
        """True from when every model was tried until the server is on its way down."""

    def model(self, name: str, version: str = "") -> ServedModel:
        """Raises `ModelNotFound`, `VersionNotFound`, `ModelNotReady`."""
        return self._registry.find(name, version)

    def ready_versions(self, name: str) -> list[str]:
        return self._registry.ready_versions(name)

    def is_model_ready(self, name: str, version: str = "") -> bool:
        try:
            self._registry.find(name, version)
        except (ModelNotFound, ModelNotReady):
            return False
        return True

    def index(self, ready_only: bool = False) -> list[VersionStatus]:
        return [status for status in self._registry.index() if status.state is ModelState.READY or not ready_only]
