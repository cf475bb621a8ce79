"""From a request to the version that answers it, whoever asks: a caller, or a step of an ensemble.

Rule: a model that is replaced between a request's look-up and its place in the queue costs nobody an answer.
"""

from collections.abc import Awaitable, Callable

from serving.core.requests import InferRequest, InferResponse
from serving.core.timeline import Timeline
from serving.engine.cached_answers import CachedAnswers
from serving.engine.response_cache import ResponseCache
from serving.engine.running_rollout import RunningRollout
from serving.engine.servable import Servable
from serving.engine.served_model import ServedModel
from serving.errors import ModelNotFound, ModelNotReady, StepNotReady

Find = Callable[[str, str], Servable]
"""By name and version, "" for the newest. Raises `ModelNotFound`, `VersionNotFound`, `ModelNotReady`."""

FindRollout = Callable[[str], RunningRollout | None]
"""By name; None for a model whose versions don't share its requests."""


class Dispatch:
    """Belongs to the event loop's thread."""

    def __init__(self, find: Find, find_rollout: FindRollout, cache: ResponseCache | None = None) -> None:
        """With a `cache`, models whose config enables it are not asked the same twice."""
        self.find = find
        self._find_rollout = find_rollout
        self._cached = None if cache is None else CachedAnswers(cache, self._is_served)

    async def infer(self, request: InferRequest, timeline: Timeline | None = None) -> InferResponse:
        """Raises what `Find` and `Servable.infer` do; cancelling it frees the request's place."""
        model = self.find(request.model_name, request.model_version)
        rollout = None if request.model_version else self._find_rollout(request.model_name)
        try:
            if rollout is not None:  # whose verdict is on runs, not on what was kept of them
                return await rollout.infer(request, timeline)
            return await self._answer(model, request, timeline)
        except StepNotReady:  # an ensemble's own part is done, and another of it would fare no better
            raise
        except ModelNotReady:
            return await self._answer(self.successor(request, model), request, timeline)

    def successor(self, request: InferRequest, model: Servable) -> Servable:
        """What answers instead of a `model` that unloads. Raises `ModelNotReady` where nothing does."""
        successor = self.find(request.model_name, request.model_version)
        if successor is model:
            raise ModelNotReady(f"Request for unknown model: '{model.name}' is not at ready state, it is unloading")
        return successor

    def _answer(self, model: Servable, request: InferRequest, timeline: Timeline | None) -> Awaitable[InferResponse]:
        if self._cached is None or not isinstance(model, ServedModel) or not model.caches_responses:
            return model.infer(request, timeline)
        return self._cached.infer(model, request, timeline)

    def found(self, name: str, version: str = "") -> Servable | None:
        """What `find` does; None where nothing serves. May be called from any thread."""
        try:
            return self.find(name, version)
        except (ModelNotFound, ModelNotReady):
            return None

    def _is_served(self, model: ServedModel) -> bool:
        return self.found(model.name, model.version) is model
