"""The facade that every transport calls: which models there are, in what state, and what they answer.

Rule: knows no protocol; what it raises is in `serving/errors.py`.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace

from serving.core.requests import InferRequest, InferResponse
from serving.core.states import ModelState, VersionStatus
from serving.core.timeline import Timeline
from serving.core.trace_context import TraceContext
from serving.core.visit import CURRENT
from serving.engine.dependencies import Dependencies
from serving.engine.generating_model import GeneratingModel
from serving.engine.loaded_model import LoadedModel
from serving.engine.override import Override
from serving.engine.own_thread import in_own_thread
from serving.engine.promotions import Promotions
from serving.engine.published import Published
from serving.engine.registry import ModelRegistry
from serving.engine.running_rollout import SettledRollout
from serving.engine.servable import Servable
from serving.engine.served_model import ServedModel
from serving.engine.token_inputs import embeds
from serving.engine.tracer import Tracer
from serving.errors import ControlRefused, InvalidInput, ModelNotReady


class Engine:
    def __init__(
        self,
        registry: ModelRegistry,
        dependencies: Dependencies,
        promotions: Promotions,
        tracer: Tracer,
        is_explicit: bool = False,
        strict_readiness: bool = False,
        others_need: Callable[[], str] = lambda: "",
    ) -> None:
        """`is_explicit`: whether models may be loaded and unloaded by request. `others_need` says why other parts of
        the server need a restart."""
        self._registry = registry
        self._tracer = tracer
        self._dependencies = dependencies
        self._promotions = promotions
        self._is_explicit = is_explicit
        self._strict_readiness = strict_readiness
        self._others_need = others_need
        self.accepting = False
        """True from when every model was tried until the server is on its way down."""

    async def infer(self, request: InferRequest) -> InferResponse:
        """Raises what `model` and `Servable.infer` do; cancelling it frees the request's place."""
        version = self.model(request.model_name, request.model_version).version
        timeline = self._tracer.begin(request)
        if timeline is None:
            return await self._registry.dispatch.infer(request)
        timeline.version = version
        with self._tracer.following(timeline):
            response = await self._registry.dispatch.infer(request, timeline)
            timeline.version = response.model_version
            return response

    async def stream(self, request: InferRequest) -> AsyncGenerator[InferResponse, None]:
        """Every response, the last one `final`; closing it frees the request's place."""
        model = self.model(request.model_name, request.model_version)
        if not model.is_decoupled:
            yield await self.infer(request)
            return
        timeline = self.traced(model, request.id)
        async with AsyncExitStack() as stack:
            if timeline is not None:
                stack.enter_context(self._tracer.following(timeline))
            responses = await stack.enter_async_context(aclosing(model.stream(request, timeline)))
            try:
                first = await anext(responses)
            except ModelNotReady:
                model = self._registry.dispatch.successor(request, model)
                responses = await stack.enter_async_context(aclosing(model.stream(request, timeline)))
                first = await anext(responses)
            yield first
            async for response in responses:
                yield response

    def model(self, name: str, version: str = "") -> Servable:
        """Raises `ModelNotFound`, `VersionNotFound`, `ModelNotReady`."""
        visit = CURRENT.get()
        if visit is None:
            return self._registry.loaded.find(name, version)
        visit.model = name
        found = self._registry.loaded.find(name, version)
        visit.version = found.version
        return found

    def generating(self, name: str, version: str = "") -> GeneratingModel:
        """A model that writes. Raises what `model` does, and `InvalidInput` for one that doesn't."""
        model = self.model(name, version)
        if isinstance(model, GeneratingModel):
            return model
        others = self.those(lambda other: isinstance(other, GeneratingModel))
        raise InvalidInput(f"model '{name}' does not write text; those that do: {others}", "model")

    def embedding(self, name: str, version: str = "") -> ServedModel:
        """A model that gives texts their embeddings. Raises what `model` does, and `InvalidInput` for one without."""
        model = self.model(name, version)
        if embeds(model):
            return model
        raise InvalidInput(f"model '{name}' has no embeddings of texts; those that do: {self.those(embeds)}", "model")

    def those(self, do: Callable[[Servable], bool]) -> str:
        """The names of the models that `do` something, for an error about one that doesn't."""
        return ", ".join(sorted({model.name for model in self.models() if do(model)})) or "none"

    def traced(self, model: Servable, request_id: str = "") -> Timeline | None:
        """For a request to a model with more than one answer, if it is traced."""
        timeline = self._tracer.begin_call(model.name, request_id)
        if timeline is not None:
            timeline.version = model.version
        return timeline

    def spares(self, name: str, caller: TraceContext | None) -> bool:
        """As `Tracer.spares`."""
        return self._tracer.spares(name, caller)

    def alone(self, name: str, version: str = "") -> ServedModel | None:
        """The version that `infer` would ask, if it does nothing but that; None also where there is none."""
        loaded = self._registry.loaded.get(name)
        if loaded is None or loaded.rollout is not None:
            return None
        found = loaded.versions.get(version or loaded.current)
        model = found.served if found is not None else None
        if not isinstance(model, ServedModel) or model.is_decoupled or model.caches_responses:
            return None
        return model

    def versions(self, name: str, version: str = "") -> list[Servable]:
        """The named version, or all of the model's that are ready. Raises what `model` does."""
        newest = self.model(name, version)
        return [newest] if version else [self.model(name, number) for number in self.ready_versions(name)]

    def models(self) -> list[Servable]:
        """Every version that is ready."""
        return list(self._registry.loaded.served())

    def ready_versions(self, name: str) -> list[str]:
        return self._registry.loaded.ready_versions(name)

    def is_model_ready(self, name: str, version: str = "") -> bool:
        """An ensemble is while all its models are; a model with processes of its own while one of them is up."""
        model = self._registry.dispatch.found(name, version)
        return model is not None and not model.lacks

    @property
    def ready(self) -> bool:
        """Whether the server takes requests; with strict readiness, also for every model that is loaded."""
        return self.accepting and (not self._strict_readiness or self._registry.loaded.is_strictly_ready())

    @property
    def needs_restart(self) -> str:
        """Why only a start of the server anew helps, in words; "" while it is well, however much there is to do."""
        of_models = (f"model '{each.name}': {why}" for each in self.models() if (why := each.needs_restart))
        return next(of_models, "") or self._others_need()

    def all_loaded(self) -> dict[str, LoadedModel]:
        """Every model that was loaded or tried, as it is now."""
        return self._registry.loaded.all()

    def loaded(self, name: str) -> LoadedModel:
        """The model as it is loaded now. Raises `ModelNotFound`."""
        return self._registry.loaded.model(name)

    def report(self, name: str, version: str = "") -> bytes:
        """The page about a version. Raises what `model` does, and `ReportNotFound`."""
        return self._registry.loaded.model(name).report(name, version)

    def published(self, name: str, version: str = "") -> Published:
        """What came with a version for people. Raises what `model` does."""
        return self._registry.loaded.model(name).published(name, version)

    def index(self, ready_only: bool = False) -> list[VersionStatus]:
        """Reads the disk."""
        rows = map(self._with_trouble, self._registry.index())
        return [status for status in rows if status.state is ModelState.READY or not ready_only]

    async def load(self, name: str, override: Override | None = None) -> None:
        """With what an ensemble needs, and the ensembles that need it. Raises `ControlRefused`, `InvalidInput` for the
        name, `ModelLoadFailed`."""
        self._check_control(name)
        await in_own_thread(self._dependencies.load, name, override)

    async def unload(self, name: str, with_dependents: bool = False) -> None:
        """`with_dependents`: of an ensemble also the models that nothing else needs. Raises `ControlRefused`,
        `InvalidInput` for the name."""
        self._check_control(name)
        await in_own_thread(self._dependencies.unload, name, with_dependents)

    async def promote(self, name: str, version: str = "") -> str:
        """The version that has all traffic now. Raises what `Promotions.promote` does."""
        return await in_own_thread(self._promotions.promote, name, version)

    async def roll_back(self, name: str, version: str = "") -> str:
        """The version that has all traffic now. Raises what `Promotions.roll_back` does."""
        return await in_own_thread(self._promotions.roll_back, name, version)

    def last_rollout(self, name: str) -> SettledRollout | None:
        """How the model's last trial ended; None where it had none since the server started."""
        return self._registry.counts[name].last_rollout if name in self._registry.counts else None

    def _with_trouble(self, status: VersionStatus) -> VersionStatus:
        """Of a version that answers although its repository can't be followed."""
        trouble = self._registry.repository.trouble(status.name)
        if status.state is not ModelState.READY or status.reason or not trouble:
            return status
        return replace(status, reason=f"it goes on as it was loaded before: {trouble}")

    def _check_control(self, name: str) -> None:
        if not self._is_explicit:
            raise ControlRefused(
                "explicit model load / unload is not allowed if polling is enabled, or without "
                "'--model-control-mode=explicit'"
            )
        if not name:
            raise InvalidInput("Model name cannot be empty. Please enter a valid name to deploy.")
        if "/" in name or "\\" in name or name in (".", "..") or not name.isprintable() or len(name.encode()) > 255:
            raise InvalidInput(
                f"invalid model name '{name[:100]}', model name must not contain path traversal characters, and is the "
                "name of a folder"
            )
