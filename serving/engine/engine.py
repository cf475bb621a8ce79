"""The facade that every transport calls: models by name, answers by request.

Rule: knows no protocol; what it raises is in `serving/errors.py`.
"""

from serving.core.requests import InferRequest, InferResponse
from serving.core.states import VersionStatus
from serving.engine.registry import ModelRegistry
from serving.engine.served_model import ServedModel
from serving.errors import ModelNotFound, ModelNotReady


class Engine:
    def __init__(self, registry: ModelRegistry) -> None:
        self._registry = registry
        self.accepting = True
        """False once the server is on its way down: it still answers, and asks for no more."""

    async def infer(self, request: InferRequest) -> InferResponse:
        return await self._registry.find(request.model_name, request.model_version).infer(request)

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
        return [status for status in self._registry.index() if status.state == "READY" or not ready_only]
