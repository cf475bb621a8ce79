"""One version of a model, ready to answer: its instances' threads on one side, the event loop's futures on the other.

Rule: `infer` runs on the event loop and never computes; a worker thread computes and never touches a future.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Hashable, Mapping, Sequence
from math import inf

from serving.backends.backend import ModelInstance
from serving.core.batching_config import batching_config
from serving.core.model_config import ModelConfig, devices, input_specs, output_specs
from serving.core.requests import Arrays, InferRequest, InferResponse
from serving.core.response_cache_config import caches_responses
from serving.engine import fit
from serving.engine.delivery import Delivery
from serving.engine.execution import execute_on
from serving.engine.known_times import KnownTimes
from serving.engine.pending import Pending
from serving.engine.processes import Processes, are_up, processes_of
from serving.engine.response_stream import ResponseStream
from serving.engine.schedulers import scheduler_for
from serving.engine.statistics import FailureReason, ModelStatistics, failure_reason
from serving.engine.tracer import Timeline
from serving.engine.worker import Execution, WorkerPool
from serving.errors import BackendFailed, Overloaded, SlipwayError, Unsupported
from serving.scheduling.arrival_order import ArrivalOrder
from serving.scheduling.scheduler import Event

log = logging.getLogger("slipway")

_BETWEEN_LOGGED_FAILURES = 10.0  # seconds


class ServedModel:
    """Made in any thread; `infer` and `statistics` belong to `loop`'s thread."""

    def __init__(
        self,
        version: str,
        config: ModelConfig,
        instances: Sequence[ModelInstance],
        labels: Mapping[str, tuple[str, ...]],
        loop: asyncio.AbstractEventLoop,
        load_seconds: float = 0.0,
        known: KnownTimes | None = None,
    ) -> None:
        """`labels` gives, for each output that has them, the names of its last dimension's entries; `known` is how long
        its batches take."""
        self.name = str(config.name)
        self.version = version
        self.identity: Hashable = object()
        """Never another's, as name and version may be when the model is loaded anew."""
        self.config = config
        self.inputs = {spec.name: spec for spec in input_specs(config)}
        self.outputs = {spec.name: spec for spec in output_specs(config)}
        self.gives_text = any(spec.datatype == "BYTES" for spec in self.outputs.values())
        self.max_batch_size = int(config.max_batch_size)
        self.is_decoupled = bool(config.model_transaction_policy.decoupled)
        self.caches_responses = caches_responses(config)
        self.reads_parameters = any(instance.reads_parameters for instance in instances)
        self.labels = labels
        self.load_seconds = load_seconds
        self.statistics = ModelStatistics()
        self._stacked = fit.stacked_inputs(config)
        self._optional = frozenset(tensor.name for tensor in config.input if tensor.optional)
        self._batching = batching_config(config)
        self._order: ArrivalOrder[Pending] | None = ArrivalOrder() if self._batching.preserve_ordering else None
        self._delivery = Delivery()
        self._loop = loop
        self._instances = list(instances)
        self._closing = threading.Lock()
        self._failure_logged = -inf  # when one was
        # One for each thread. A sequence's slot is a row of one instance, which several threads would share.
        has_sequences = config.HasField("sequence_batching")
        places = [
            (each, device)
            for each, device in zip(instances, devices(config), strict=True)
            for _ in range(1 if has_sequences else each.concurrency)
        ]
        self._pool = WorkerPool(
            f"{self.name}/{version}",
            scheduler_for(config, [device for _, device in places], known),
            [execute_on(instance, config) for instance, _ in places],
            self._deliver,
            are_up=are_up([instance for instance, _ in places]),
            soon=loop.call_soon,
        )

    def __repr__(self) -> str:
        return f"<ServedModel {self.name}/{self.version}, {len(self._instances)} instances>"

    @property
    def pending(self) -> int:
        """Requests that wait for an instance."""
        return len(self._pool)

    @property
    def processes(self) -> Processes | None:
        return processes_of(self._instances)

    @property
    def lacks(self) -> str:
        """A process, where all of its own are down."""
        return "" if self.processes is None else self.processes.lacks

    def check(self, request: InferRequest) -> int:
        """How many rows it adds to a batch. Raises `InvalidInput` where it does not fit."""
        return fit.check(request, self.inputs, self._optional, self.outputs, self.max_batch_size)

    def rejects_after(self, request: InferRequest) -> float:
        """In seconds; infinite where it is never too late."""
        return self._batching.rejects_after(request.timeout, request.priority)

    async def infer(self, request: InferRequest, timeline: Timeline | None = None) -> InferResponse:
        """The one response. Cancelling it frees the request's place. A `timeline` is told what happens when.

        Raises `InvalidInput`, `Overloaded`, `ModelNotReady` (unloading), `DeadlineExceeded`, `BackendFailed`; and
        `Unsupported` for a decoupled model, whose requests have any number of responses.
        """
        if self.is_decoupled:
            raise Unsupported(
                f"a single response was asked for, which doesn't support models with decoupled transaction policy such "
                f"as '{self.name}'; use the gRPC stream or generate_stream"
            )
        pending = self.submit(request, None, timeline)
        try:
            outputs = await pending.answer
        except asyncio.CancelledError:
            self.give_up(pending)
            raise
        return self.response(request, outputs)

    async def stream(self, request: InferRequest) -> AsyncGenerator[InferResponse, None]:
        """Each response as soon as it is there, the last one `final`; closing the generator frees the request's place.

        Raises what `infer` does, also after some responses.
        """
        if not self.is_decoupled:
            yield await self.infer(request)
            return
        responses = ResponseStream(self._loop)
        pending = self.submit(request, responses)
        pending.answer.add_done_callback(lambda _: responses.end())
        number = 0
        try:
            while (outputs := await responses.next()) is not None:
                self._count_response(number, pending, "success")
                number += 1
                yield self.response(request, outputs, final=False)
            await pending.answer
        except (asyncio.CancelledError, GeneratorExit):
            self._count_response(number, pending, "cancel")
            raise
        except SlipwayError:
            self._count_response(number, pending, "fail")
            raise
        finally:
            responses.cancelled = True
            self.give_up(pending)
        self._count_response(number, pending, "empty_response")
        yield InferResponse(self.name, self.version, {}, request.id)

    def drain(self) -> None:
        """Hold no request back any more; new ones are still answered."""
        self._pool.drain()

    def close(self, timeout: float) -> bool:
        """Answer what is queued, then free the model; False when it still runs after `timeout` seconds.

        Blocks; may be called again, and by several threads. What is asked afterwards is refused with `ModelNotReady`.
        """
        if not self._pool.stop(timeout):
            return False
        with self._closing:
            while self._instances:
                instance = self._instances.pop()
                if instance not in self._instances:  # one may stand for several
                    _close(instance)
        return True

    def _deliver(self, events: list[Event[Pending]], execution: Execution[Pending] | None) -> None:
        """On a worker's thread: one wake-up of the event loop for the whole batch."""
        self._loop.call_soon_threadsafe(self._resolve, events, execution)

    def _resolve(self, events: list[Event[Pending]], execution: Execution[Pending] | None) -> None:
        """What became of requests is counted at once, and told when it is its turn."""
        now = time.monotonic()
        answered: list[Pending] = []
        awaited: list[Event[Pending]] = []
        for event in events:
            pending = event.request
            if pending.timeline is not None and execution is not None:
                pending.timeline.record(pending.arrived, execution.started, execution.run.times)
            if pending.answer.done():  # its caller went away, and that was counted
                continue
            awaited.append(event)
            if event.error is None:
                answered.append(pending)
            else:
                self.statistics.objectives.failed(pending.promised, event.error)
                self._note_failure(event.error, now, now - pending.arrived)
        _tell(awaited if self._order is None else self._order.release(awaited))
        if execution is not None:
            self.statistics.objectives.answered([pending.promised for pending in answered], now)
            if execution.expected:  # which it is where somebody has a deadline
                self._loop.call_soon(self._delivery.note, execution.ended)  # after those whom `_tell` has woken
                self.statistics.misprediction.observe((execution.ended - execution.started) / execution.expected)
            self.statistics.record(
                [execution.started - pending.arrived for pending in answered],
                sum(pending.rows for pending in answered),
                execution.run.times,
                int(time.time() * 1000),
            )

    def _note_failure(self, error: Exception, now: float, seconds: float) -> None:
        """A model's own failures are logged, but not each of thousands."""
        self.statistics.record_failure(failure_reason(error), seconds)
        if not isinstance(error, BackendFailed):
            return
        if now - self._failure_logged < _BETWEEN_LOGGED_FAILURES:
            log.debug("%s version %s: %s", self.name, self.version, error)
            return
        self._failure_logged = now
        log.error("%s version %s: %s", self.name, self.version, error, exc_info=error.__cause__)

    def submit(
        self, request: InferRequest, responses: ResponseStream | None = None, timeline: Timeline | None = None
    ) -> Pending:
        """Into the queue. Raises `InvalidInput`, `Overloaded`, `ModelNotReady`."""
        rows = self.check(request)
        now = time.monotonic()
        given = request.timeout or self._batching.latency_objective or inf
        deadline = now + self._delivery.without(given)
        pending = Pending(
            request.inputs,
            rows,
            fit.batch_key(request, self._stacked, self.reads_parameters),
            deadline,
            min(deadline, now + self._batching.longest_wait(request.timeout, request.priority)),
            self._loop.create_future(),
            request.parameters,
            request.priority,
            responses,
            timeline,
            request.sequence_id,
            request.sequence_start,
            request.sequence_end,
            promised=now + given,
        )
        try:
            self._pool.submit(pending)
        except Overloaded:
            self.statistics.record_failure(FailureReason.REJECTED, 0.0)
            self.statistics.objectives.refused(pending.promised)
            raise
        if self._order is not None:
            self._order.accept(pending)
        return pending

    def give_up(self, pending: Pending) -> None:
        """Its caller wants no answer any more, if it has none; its place is free then."""
        if not (pending.answer.cancel() or pending.answer.cancelled()):
            return
        self._pool.cancel(pending)
        now = time.monotonic()
        if self._order is None or not self._order.is_held(pending):  # what is held was counted
            self.statistics.record_failure(FailureReason.CANCELED, now - pending.arrived)
            self.statistics.objectives.given_up(pending.promised, now)
        if self._order is not None:
            _tell(self._order.forget(pending))

    def response(self, request: InferRequest, outputs: Arrays, final: bool = True) -> InferResponse:
        wanted = request.output_names or self.outputs
        chosen = {name: outputs[name] for name in wanted if name in outputs}
        return InferResponse(self.name, self.version, chosen, request.id, final, self.labels)

    def _count_response(self, number: int, pending: Pending, outcome: str) -> None:
        self.statistics.record_response(number, outcome, time.monotonic() - pending.arrived)


def _tell(events: list[Event[Pending]]) -> None:
    for event in events:
        answer = event.request.answer
        if answer.done():  # its caller went away
            continue
        if event.error is None:
            answer.set_result(event.value)
        else:
            answer.set_exception(event.error)


def _close(instance: ModelInstance) -> None:
    try:
        instance.close()
    except Exception:  # a model's own code; it is gone all the same
        log.exception("a model failed to close")
