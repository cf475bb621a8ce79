"""One version of a model, ready to answer: its instances' threads on one side, the event loop's futures on the other.

Rule: `infer` runs on the event loop and never computes; a worker thread computes and never touches a future.
"""

import asyncio
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf

from serving.backends.backend import ModelInstance
from serving.core.model_config import ModelConfig, input_specs, output_specs
from serving.core.requests import Arrays, InferRequest, InferResponse
from serving.engine import fit
from serving.engine.statistics import ModelStatistics
from serving.engine.worker import Execution, WorkerPool
from serving.errors import BackendFailed, Overloaded
from serving.scheduling.batching import concatenate, split
from serving.scheduling.dynamic import DynamicBatcher
from serving.scheduling.scheduler import Event

DEFAULT_MAX_QUEUE_SIZE = 4096
"""Requests that may wait for a version whose config sets no `max_queue_size`; Triton's own default has no bound."""


@dataclass(eq=False, slots=True)
class Pending:
    """A request on its way through the scheduler, and the future that its caller awaits."""

    inputs: Arrays
    rows: int
    key: Hashable
    deadline: float
    answer: "asyncio.Future[Arrays]"
    arrived: float = 0.0


class ServedModel:
    """Made in any thread; `infer` and `statistics` belong to `loop`'s thread."""

    def __init__(
        self,
        version: str,
        config: ModelConfig,
        instances: Sequence[ModelInstance],
        labels: Mapping[str, tuple[str, ...]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        """`labels` gives, for each output that has them, the names of its last dimension's entries."""
        self.name = str(config.name)
        self.version = version
        self.config = config
        self.inputs = {spec.name: spec for spec in input_specs(config)}
        self.outputs = {spec.name: spec for spec in output_specs(config)}
        self.max_batch_size = int(config.max_batch_size)
        self.labels = labels
        self.statistics = ModelStatistics()
        self._default_timeout = config.dynamic_batching.default_queue_policy.default_timeout_microseconds * 1e-6
        self._loop = loop
        self._instances = instances
        self._pool = WorkerPool(
            f"{self.name}/{version}",
            _batcher(config),
            [partial(_outcomes, instance, self.max_batch_size > 0) for instance in instances],
            self._deliver,
        )

    def __repr__(self) -> str:
        return f"<ServedModel {self.name}/{self.version}, {len(self._instances)} instances>"

    @property
    def pending(self) -> int:
        """Requests that wait for an instance."""
        return len(self._pool)

    async def infer(self, request: InferRequest) -> InferResponse:
        """Raises `InvalidInput`, `Overloaded`, `DeadlineExceeded`, `BackendFailed`; cancelling it frees its place."""
        rows = fit.check(request, self.inputs, self.outputs, self.max_batch_size)
        timeout = request.timeout or self._default_timeout
        pending = Pending(
            request.inputs,
            rows,
            fit.batch_key(request, self.inputs),
            time.monotonic() + timeout if timeout else inf,
            self._loop.create_future(),
        )
        try:
            self._pool.submit(pending)
        except Overloaded:
            self.statistics.failure += 1
            raise
        try:
            outputs = await pending.answer
        except asyncio.CancelledError:
            self._pool.cancel(pending)
            raise
        wanted = request.output_names or self.outputs
        return InferResponse(self.name, self.version, {name: outputs[name] for name in wanted}, request.id)

    def drain(self) -> None:
        """Hold no request back any more; new ones are still answered."""
        self._pool.drain()

    def close(self, timeout: float) -> bool:
        """Answer what is queued, then free the model; False when it still runs after `timeout` seconds.

        Blocks. Nothing may be inferred afterwards.
        """
        if not self._pool.stop(timeout):
            return False
        for instance in self._instances:
            instance.close()
        return True

    def _deliver(self, events: list[Event[Pending]], execution: Execution[Pending] | None) -> None:
        """On a worker's thread: one wake-up of the event loop for the whole batch."""
        self._loop.call_soon_threadsafe(self._resolve, events, execution)

    def _resolve(self, events: list[Event[Pending]], execution: Execution[Pending] | None) -> None:
        for event in events:
            answer = event.request.answer
            if answer.done():  # its caller went away while it ran
                continue
            if event.error is None:
                answer.set_result(event.value)
            else:
                answer.set_exception(event.error)
        answered = [event.request for event in events if event.error is None]
        failures = len(events) - len(answered)
        if execution is None:
            self.statistics.failure += failures
        else:
            self.statistics.record(
                [execution.started - pending.arrived for pending in answered],
                sum(pending.rows for pending in answered),
                failures,
                execution.finished - execution.started,
            )


def _outcomes(instance: ModelInstance, batched: bool, batch: list[Pending]) -> list[Arrays | Exception]:
    """When a batch fails, its halves run alone, and so on, so that a bad request costs no neighbour its answer."""
    try:
        return [*_run(instance, batched, batch)]
    except Exception as error:  # a runtime may raise anything, and the worker must go on
        if len(batch) == 1:
            return [BackendFailed(f"the model failed on this request: {error}")]
    middle = len(batch) // 2
    return _outcomes(instance, batched, batch[:middle]) + _outcomes(instance, batched, batch[middle:])


def _run(instance: ModelInstance, batched: bool, batch: list[Pending]) -> list[Arrays]:
    outputs = instance.run(concatenate([pending.inputs for pending in batch]))
    return split(outputs, [pending.rows for pending in batch]) if batched else [outputs]


def _batcher(config: ModelConfig) -> DynamicBatcher[Pending]:
    """Without a `dynamic_batching` block requests are not put together, as in Triton."""
    policy = config.dynamic_batching
    return DynamicBatcher(
        config.max_batch_size if config.HasField("dynamic_batching") else 1,
        policy.max_queue_delay_microseconds * 1e-6,
        policy.default_queue_policy.max_queue_size or DEFAULT_MAX_QUEUE_SIZE,
    )
