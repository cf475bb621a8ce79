"""One version of a model, ready to answer: its instances' threads on one side, the event loop's futures on the other.

Rule: `infer` runs on the event loop and never computes; a worker thread computes and never touches a future.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Hashable, Mapping, Sequence
from functools import partial
from math import inf

from serving.backends.backend import DecoupledInstance, ModelInstance
from serving.core.model_config import ModelConfig, input_specs, output_specs
from serving.core.requests import Arrays, InferRequest, InferResponse
from serving.core.sequence_config import sequence_config
from serving.engine import fit
from serving.engine.execution import run_batch, run_rows, run_sequences, run_stream
from serving.engine.pending import Pending
from serving.engine.response_stream import ResponseStream
from serving.engine.statistics import Duration, FailureReason, ModelStatistics
from serving.engine.tracer import Timeline
from serving.engine.worker import Execute, Execution, WorkerPool
from serving.errors import BackendFailed, Cancelled, DeadlineExceeded, Overloaded, SlipwayError, Unsupported
from serving.scheduling.dynamic import DynamicBatcher
from serving.scheduling.scheduler import Event, Scheduler
from serving.scheduling.sequence import SequenceBatcher

log = logging.getLogger("slipway")

_BETWEEN_LOGGED_FAILURES = 10.0  # seconds

DEFAULT_MAX_QUEUE_SIZE = 4096
"""Requests that may wait for a version whose config sets no `max_queue_size`; Triton's own default has no bound."""


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
    ) -> None:
        """`labels` gives, for each output that has them, the names of its last dimension's entries."""
        self.name = str(config.name)
        self.version = version
        self.config = config
        self.inputs = {spec.name: spec for spec in input_specs(config)}
        self.outputs = {spec.name: spec for spec in output_specs(config)}
        self.max_batch_size = int(config.max_batch_size)
        self.is_decoupled = _is_decoupled(config)
        self.labels = labels
        self.load_seconds = load_seconds
        self.statistics = ModelStatistics()
        self._optional = frozenset(tensor.name for tensor in config.input if tensor.optional)
        self._default_timeout = config.dynamic_batching.default_queue_policy.default_timeout_microseconds * 1e-6
        self._reads_parameters = any(instance.reads_parameters for instance in instances)
        self._loop = loop
        self._instances = list(instances)
        self._closing = threading.Lock()
        self._failure_logged = -inf  # when one was
        # One for each thread. A sequence's slot is a row of one instance, which several threads would share.
        has_sequences = config.HasField("sequence_batching")
        places = [each for each in instances for _ in range(1 if has_sequences else each.concurrency)]
        self._pool = WorkerPool(
            f"{self.name}/{version}",
            _scheduler(config, len(places)),
            [self._execute(instance) for instance in places],
            self._deliver,
        )

    def __repr__(self) -> str:
        return f"<ServedModel {self.name}/{self.version}, {len(self._instances)} instances>"

    @property
    def pending(self) -> int:
        """Requests that wait for an instance."""
        return len(self._pool)

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
        pending = self._submit(request, None, timeline)
        try:
            outputs = await pending.answer
        except asyncio.CancelledError:
            self._give_up(pending)
            raise
        return self._response(request, outputs)

    async def stream(self, request: InferRequest) -> AsyncGenerator[InferResponse, None]:
        """Each response as soon as it is there, the last one `final`; closing the generator frees the request's place.

        Raises what `infer` does, also after some responses.
        """
        if not self.is_decoupled:
            yield await self.infer(request)
            return
        responses = ResponseStream(self._loop)
        pending = self._submit(request, responses)
        pending.answer.add_done_callback(lambda _: responses.end())
        number = 0
        try:
            while (outputs := await responses.next()) is not None:
                self._count_response(number, pending, "success")
                number += 1
                yield self._response(request, outputs, final=False)
            await pending.answer
        except (asyncio.CancelledError, GeneratorExit):
            self._count_response(number, pending, "cancel")
            raise
        except SlipwayError:
            self._count_response(number, pending, "fail")
            raise
        finally:
            responses.cancelled = True
            self._give_up(pending)
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
                _close(self._instances.pop())
        return True

    def _deliver(self, events: list[Event[Pending]], execution: Execution[Pending] | None) -> None:
        """On a worker's thread: one wake-up of the event loop for the whole batch."""
        self._loop.call_soon_threadsafe(self._resolve, events, execution)

    def _resolve(self, events: list[Event[Pending]], execution: Execution[Pending] | None) -> None:
        now = time.monotonic()
        answered: list[Pending] = []
        for event in events:
            pending = event.request
            if pending.timeline is not None and execution is not None:
                pending.timeline.record(pending.arrived, execution.started, execution.run.times)
            if pending.answer.done():  # its caller went away, and that was counted
                continue
            if event.error is None:
                pending.answer.set_result(event.value)
                answered.append(pending)
            else:
                pending.answer.set_exception(event.error)
                self._note_failure(event.error, now, now - pending.arrived)
        if execution is not None:
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

    def _submit(
        self, request: InferRequest, responses: ResponseStream | None, timeline: Timeline | None = None
    ) -> Pending:
        rows = fit.check(request, self.inputs, self._optional, self.outputs, self.max_batch_size)
        timeout = request.timeout or self._default_timeout
        pending = Pending(
            request.inputs,
            rows,
            self._key(request),
            time.monotonic() + timeout if timeout else inf,
            self._loop.create_future(),
            request.parameters,
            request.priority,
            responses,
            timeline,
            request.sequence_id,
            request.sequence_start,
            request.sequence_end,
        )
        try:
            self._pool.submit(pending)
        except Overloaded:
            self.statistics.record_failure(FailureReason.REJECTED, 0.0)
            raise
        return pending

    def _key(self, request: InferRequest) -> Hashable:
        shapes = fit.batch_key(request, self.inputs)
        if not self._reads_parameters:
            return shapes
        return shapes, frozenset((name, type(value), value) for name, value in request.parameters.items())

    def _give_up(self, pending: Pending) -> None:
        """Its caller wants no answer any more, if it has none."""
        if pending.answer.cancel() or pending.answer.cancelled():
            self._pool.cancel(pending)
            self.statistics.record_failure(FailureReason.CANCELED, time.monotonic() - pending.arrived)

    def _response(self, request: InferRequest, outputs: Arrays, final: bool = True) -> InferResponse:
        wanted = request.output_names or self.outputs
        chosen = {name: outputs[name] for name in wanted if name in outputs}
        return InferResponse(self.name, self.version, chosen, request.id, final)

    def _count_response(self, number: int, pending: Pending, outcome: str) -> None:
        """`outcome` is the field of `ResponseStatistics` that it adds to."""
        seconds = time.monotonic() - pending.arrived
        if number == 0 and outcome == "success":
            self.statistics.first_response_seconds.observe(seconds)
        response = self.statistics.response(number)
        if response is not None:
            duration: Duration = getattr(response, outcome)
            duration.add(seconds)

    def _execute(self, instance: ModelInstance) -> Execute[Pending]:
        if self.is_decoupled:
            assert isinstance(instance, DecoupledInstance)
            return partial(run_stream, instance)
        sequences = sequence_config(self.config)
        if sequences is not None:
            return partial(run_sequences, instance, sequences)
        return partial(run_batch, partial(run_rows, instance, self.max_batch_size > 0))


def _close(instance: ModelInstance) -> None:
    try:
        instance.close()
    except Exception:  # a model's own code; it is gone all the same
        log.exception("a model failed to close")


def failure_reason(error: Exception) -> FailureReason:
    match error:
        case DeadlineExceeded() | Overloaded():
            return FailureReason.REJECTED
        case Cancelled():
            return FailureReason.CANCELED
        case BackendFailed():
            return FailureReason.BACKEND
        case _:
            return FailureReason.OTHER


def _scheduler(config: ModelConfig, instance_count: int) -> Scheduler[Pending]:
    """Without a `dynamic_batching` block requests are not put together, as in Triton."""
    sequences = sequence_config(config)
    if sequences is not None:
        return SequenceBatcher(sequences, instance_count, DEFAULT_MAX_QUEUE_SIZE, str(config.name))
    policy = config.dynamic_batching
    return DynamicBatcher(
        config.max_batch_size if config.HasField("dynamic_batching") and not _is_decoupled(config) else 1,
        policy.max_queue_delay_microseconds * 1e-6,
        policy.default_queue_policy.max_queue_size or DEFAULT_MAX_QUEUE_SIZE,
        policy.priority_levels,
        policy.default_priority_level,
    )


def _is_decoupled(config: ModelConfig) -> bool:
    return bool(config.model_transaction_policy.decoupled)
