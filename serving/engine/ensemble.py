"""One version of an ensemble, ready to answer: it has no threads and no queue, its steps are requests to its models.

Rule: a step goes the way of any caller's request, so it is batched with those of others, and finds whatever version of
its model serves at that moment. Nothing here computes or copies.
"""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Mapping

from serving.core.ensemble import Graph, Step
from serving.core.model_config import ModelConfig, input_specs, output_specs
from serving.core.requests import Arrays, InferRequest, InferResponse
from serving.core.timeline import Timeline
from serving.engine import fit
from serving.engine.dispatch import Dispatch
from serving.engine.statistics import ModelStatistics, Times
from serving.errors import (
    BackendFailed,
    Cancelled,
    DeadlineExceeded,
    InstanceDied,
    ModelNotFound,
    ModelNotReady,
    Overloaded,
    SlipwayError,
    StepNotReady,
)
from serving.scheduling.ensemble import Progress, as_taken

_NO_OPTIONAL: frozenset[str] = frozenset()


class Ensemble:
    """A `Servable`. Made in any thread; `infer` and `statistics` belong to the event loop's."""

    is_decoupled = False
    caches_responses = False
    processes = None
    pending = 0
    """Its requests wait in the queues of its models."""

    def __init__(
        self,
        version: str,
        config: ModelConfig,
        graph: Graph,
        labels: Mapping[str, tuple[str, ...]],
        dispatch: Dispatch,
        load_seconds: float = 0.0,
    ) -> None:
        """`labels` as in `Servable`; `dispatch` is where the steps' requests go."""
        self.name = str(config.name)
        self.version = version
        self.config = config
        self.inputs = {spec.name: spec for spec in input_specs(config)}
        self.outputs = {spec.name: spec for spec in output_specs(config)}
        self.max_batch_size = int(config.max_batch_size)
        self.queue_limit = 0
        self.labels = labels
        self._has_own_labels = {output.name for output in config.output if output.label_filename}
        self.load_seconds, self.created = load_seconds, int(time.time())
        self.statistics = ModelStatistics()
        self._graph = graph
        self._dispatch = dispatch
        self._changed = threading.Condition()
        self._running = 0
        self._closing = False

    def __repr__(self) -> str:
        return f"<Ensemble {self.name}/{self.version}, {len(self._graph.steps)} steps>"

    async def infer(self, request: InferRequest, timeline: Timeline | None = None) -> InferResponse:
        """As `Servable.infer`. An error of a step is of the kind that its model raised, and names it; one that ends the
        request, like its caller, cancels the steps that still run. A `timeline` is told what the steps' are."""
        rows = fit.check(request, self.inputs, _NO_OPTIONAL, self.outputs, self.max_batch_size)
        passage = _Passage(self.name, self._graph, self._dispatch, request, timeline.trace_id if timeline else 0)
        self._enter()
        try:
            tensors = await passage.tensors()
        except asyncio.CancelledError:
            self.statistics.record_failure(Cancelled(), passage.seconds)
            raise
        except Exception as error:
            self.statistics.record_failure(error, passage.seconds)
            raise
        finally:
            self._leave()
            if timeline is not None:
                timeline.runs.extend(passage.timeline.runs)
        waited, *times = passage.timeline.sums()
        self.statistics.record_steps(passage.seconds, waited, rows, Times(*times), int(time.time() * 1000))
        labels = {
            **self.labels,
            **{name: it for name, it in passage.labels.items() if name not in self._has_own_labels},
        }
        return InferResponse(self.name, self.version, self._chosen(request, tensors), request.id, labels=labels)

    async def stream(
        self, request: InferRequest, timeline: Timeline | None = None
    ) -> AsyncGenerator[InferResponse, None]:
        yield await self.infer(request, timeline)

    needs_restart = ""
    """Its models say so themselves."""

    @property
    def lacks(self) -> str:
        """The first step whose model is not ready, or lacks something itself."""
        for step in self._graph.steps:
            try:
                why = self._dispatch.find(step.model_name, step.model_version).lacks
            except (ModelNotFound, ModelNotReady) as error:
                why = str(error)
            if why:
                return _not_ready(self.name, step, why)
        return ""

    def drain(self) -> None:
        """Nothing is held back here."""

    def close(self, timeout: float) -> bool:
        with self._changed:
            self._closing = True
            return self._changed.wait_for(lambda: not self._running, timeout)

    def _enter(self) -> None:
        with self._changed:
            if self._closing:
                raise ModelNotReady("the model is unloading")
            self._running += 1

    def _leave(self) -> None:
        with self._changed:
            self._running -= 1
            self._changed.notify_all()

    def _chosen(self, request: InferRequest, tensors: Arrays) -> Arrays:
        has_batch = self.max_batch_size > 0
        return {
            name: as_taken(tensors[name], self.outputs[name], has_batch)
            for name in request.output_names or self.outputs
        }


class _Passage:
    """One request's way through the steps. `timeline` is told what those that are done were told."""

    def __init__(self, ensemble: str, graph: Graph, dispatch: Dispatch, request: InferRequest, trace_id: int) -> None:
        self.timeline = Timeline(trace_id=trace_id)
        self.labels: dict[str, tuple[str, ...]] = {}
        """Of its tensors, those of the versions that answered."""
        self._ensemble = ensemble
        self._graph = graph
        self._dispatch = dispatch
        self._request = request
        self._progress = Progress(graph, request.inputs)
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._started

    async def tensors(self) -> Arrays:
        """All of the ensemble's, when every step is done. Raises the first error of a step."""
        try:
            async with asyncio.TaskGroup() as tasks:
                await self._follow(self._progress.first(), tasks)
        except ExceptionGroup as group:
            error = group.exceptions[0]
            raise error from error.__cause__
        return self._progress.tensors

    async def _follow(self, numbers: list[int], tasks: asyncio.TaskGroup) -> None:
        """Run these steps and whichever they make ready; the first of them here, so that a chain needs no task."""
        while numbers:
            number, *others = numbers
            for other in others:
                tasks.create_task(self._follow([other], tasks))
            numbers = self._progress.finished(number, await self._outputs(number))

    async def _outputs(self, number: int) -> Arrays:
        step, timeline = self._graph.steps[number], Timeline(trace_id=self.timeline.trace_id)
        try:
            response = await self._dispatch.infer(self._step_request(number, step), timeline)
            for name in step.outputs:
                if name not in response.outputs:
                    raise BackendFailed(f"it gave no output '{name}'")
        except SlipwayError as error:
            raise _named(self._ensemble, step, error) from error
        finally:
            self.timeline.runs.extend(timeline.runs)
        self.labels |= {step.outputs[name]: it for name, it in response.labels.items() if name in step.outputs}
        return response.outputs

    def _step_request(self, number: int, step: Step) -> InferRequest:
        model = self._dispatch.find(step.model_name, step.model_version)
        whole = self._request
        return InferRequest(
            step.model_name,
            self._progress.inputs(number, model.inputs, model.max_batch_size > 0),
            step.model_version,
            whole.id,
            tuple(step.outputs),
            self._remaining_time(),
            whole.priority,
            whole.sequence_id,
            whole.sequence_start,
            whole.sequence_end,
            whole.parameters,
        )

    def _remaining_time(self) -> float:
        """0 for any."""
        if not self._request.timeout:
            return 0.0
        remaining = self._request.timeout - self.seconds
        if remaining <= 0:
            raise DeadlineExceeded("Request timeout expired")
        return remaining


def _not_ready(ensemble: str, step: Step, why: str) -> str:
    return f"ensemble '{ensemble}' depends on '{step.model_name}', which is not ready: {why}"


def _named(ensemble: str, step: Step, error: SlipwayError) -> SlipwayError:
    """The same kind of error, in words that name the step; a model may have raised a class of its own."""
    if isinstance(error, ModelNotFound | ModelNotReady):
        return StepNotReady(_not_ready(ensemble, step, str(error)))
    words = f"in ensemble '{ensemble}', model '{step.model_name}': {error}"
    if isinstance(error, Overloaded | InstanceDied):
        return type(error)(words, error.retry_after)
    kind = next(kind for kind in type(error).__mro__ if kind.__module__ == SlipwayError.__module__)
    return kind(words)  # type: ignore[no-any-return]
