"""From a request to the version that answers it, whoever asks: a caller, or a step of an ensemble.

Rule: a model that is replaced between a request's look-up and its place in the queue costs nobody an answer.
"""

from collections.abc import Callable

from serving.core.requests import InferRequest, InferResponse
from serving.engine.servable import Servable
from serving.engine.tracer import Timeline
from serving.errors import ModelNotReady, StepNotReady

Find = Callable[[str, str], Servable]
"""By name and version, "" for the newest. Raises `ModelNotFound`, `VersionNotFound`, `ModelNotReady`."""


class Dispatch:
    """Belongs to the event loop's thread."""

    def __init__(self, find: Find) -> None:
        self.find = find

    async def infer(self, request: InferRequest, timeline: Timeline | None = None) -> InferResponse:
        """Raises what `Find` and `Servable.infer` do; cancelling it frees the request's place."""
        model = self.find(request.model_name, request.model_version)
        try:
            return await model.infer(request, timeline)
        except StepNotReady:  # an ensemble's own part is done, and another of it would fare no better
            raise
        except ModelNotReady:
            return await self.successor(request, model).infer(request, timeline)

    def successor(self, request: InferRequest, model: Servable) -> Servable:
        """What answers instead of a `model` that unloads. Raises `ModelNotReady` where nothing does."""
        successor = self.find(request.model_name, request.model_version)
        if successor is model:
            raise ModelNotReady(f"Request for unknown model: '{model.name}' is not at ready state, it is unloading")
        return successor
