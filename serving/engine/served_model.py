"""One version of a model, ready to answer: its instances' threads on one side, the event loop's futures on the other.

Rule: the event loop computes nothing that takes longer than handing it over; a worker thread never touches a future.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Hashable, Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from serving.backends.backend import ModelInstance, is_steady
from serving.core.batching_config import batching_config
from serving.core.columns import Column
from serving.core.model_config import ModelConfig, input_specs, output_specs
from serving.core.requests import Arrays, InferRequest, InferResponse
from serving.core.response_cache_config import caches_responses
from serving.core.timeline import Timeline
from serving.core.visit import CURRENT, Visit
from serving.engine import fit
from serving.engine.delivery import Delivery
from serving.engine.execution import execute_on
from serving.engine.expiry import Expiry
from serving.engine.known_times import KnownTimes
from serving.engine.outcomes import Outcomes
from serving.engine.pending import Answer, Pending
from serving.engine.processes import Processes, are_up, processes_of
from serving.engine.response_stream import ResponseStream
from serving.engine.schedulers import queue_limit, scheduler_for, threads_for
from serving.engine.statistics import ModelStatistics
from serving.engine.worker import Execution, WorkerPool
from serving.errors import Overloaded, SlipwayError, Unsupported
from serving.scheduling.scheduler import Event

if TYPE_CHECKING:  # its package is for models that read or write text
    from serving.text.tokenizer import TextTokenizer

log = logging.getLogger("slipway")


class Fit(NamedTuple):
    """How many rows a request adds to a batch, and with which others it can run."""

    rows: int
    key: Hashable


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
        tokenizer: "TextTokenizer | None" = None,
        columns: tuple[Column, ...] = (),
    ) -> None:
        """`labels` gives, for each output that has them, the names of its last dimension's entries; `known` is how long
        its batches take; `tokenizer` is the one of a model that reads tokens, `columns` those of one that takes rows of
        a table."""
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
        self.tokenizer = tokenizer
        self.columns = columns
        self.load_seconds, self.created = load_seconds, int(time.time())
        self.statistics = ModelStatistics()
        self._stacked = fit.stacked_inputs(config)
        self._optional = frozenset(tensor.name for tensor in config.input if tensor.optional)
        self._batching = batching_config(config)
        self.queue_limit = queue_limit(config)
        self._delivery = Delivery()
        self._outcomes = Outcomes(self.name, version, self.statistics, self._delivery, self._batching.preserve_ordering)
        self._loop = loop
        self._instances = list(instances)
        self._closing = threading.Lock()
        threads = threads_for(config, instances)
        self._pool = WorkerPool(
            f"{self.name}/{version}",
            scheduler_for(config, [device for _, device in threads], known),
            [execute_on(instance, config) for instance, _ in threads],
            self._deliver,
            are_up=are_up([instance for instance, _ in threads]),
            soon=loop.call_soon,
            deliver_here=self._outcomes.settle if self._is_foreseeable() else None,
        )
        self._expiry = Expiry(loop, self._pool)

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

    @property
    def needs_restart(self) -> str:
        processes = self.processes
        in_vain = processes.lacks if processes is not None and processes.are_in_vain else ""
        return self._pool.broken or self._outcomes.gpu_fault or in_vain

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
        answer: asyncio.Future[Arrays] = self._loop.create_future()
        pending = self.submit(request, answer, timeline=timeline)
        try:
            outputs = await answer
        except asyncio.CancelledError:
            self.give_up(pending)
            raise
        return self.response(request, outputs)

    async def stream(
        self, request: InferRequest, timeline: Timeline | None = None
    ) -> AsyncGenerator[InferResponse, None]:
        """Each response as soon as it is there, the last one `final`; closing the generator frees the request's place.

        Raises what `infer` does, also after some responses.
        """
        if not self.is_decoupled:
            yield await self.infer(request, timeline)
            return
        responses = ResponseStream(self._loop)
        answer: asyncio.Future[Arrays] = self._loop.create_future()
        answer.add_done_callback(lambda _: responses.end())
        pending = self.submit(request, answer, responses, timeline)
        number = 0
        try:
            while (outputs := await responses.next()) is not None:
                self._count_response(number, pending, "success")
                number += 1
                yield self.response(request, outputs, final=False)
            await answer
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

    def _is_foreseeable(self) -> bool:
        """Whether requests of one key take equally long: shapes of ragged inputs are in no key."""
        return self._stacked.keys() == self.inputs.keys() and all(map(is_steady, self._instances))

    def _deliver(self, events: list[Event[Pending]], execution: Execution[Pending] | None) -> None:
        """On a worker's thread: one wake-up of the event loop for the whole batch."""
        self._loop.call_soon_threadsafe(self._outcomes.settle, events, execution)

    def submit(
        self,
        request: InferRequest,
        answer: Answer,
        responses: ResponseStream | None = None,
        timeline: Timeline | None = None,
    ) -> Pending:
        """Into the queue. Raises `InvalidInput`, `Overloaded`, `ModelNotReady`."""
        fits, is_lone, visit = self.fit(request), request.is_lone and timeline is None, CURRENT.get()
        return self.enqueue(request, fits, request.inputs, answer, responses, timeline, is_lone, visit)

    def fit(self, request: InferRequest) -> Fit:
        """Raises `InvalidInput` where it does not."""
        return Fit(self.check(request), fit.batch_key(request, self._stacked, self.reads_parameters))

    def enqueue(
        self,
        request: InferRequest,
        fits: Fit,
        inputs: Arrays,
        answer: Answer,
        responses: ResponseStream | None = None,
        timeline: Timeline | None = None,
        is_lone: bool = False,
        visit: Visit | None = None,
    ) -> Pending:
        """What `submit` does, for a request that was found to fit, or another one that differs only in its `inputs`;
        one that `is_lone`, so far as is known, is answered now where that is quick. Raises the same but the first."""
        now = time.monotonic()
        given = request.timeout or self._batching.latency_objective or inf
        deadline = now + self._delivery.without(given)
        pending = Pending(
            inputs,
            fits.rows,
            fits.key,
            deadline,
            min(deadline, now + self._batching.longest_wait(request.timeout, request.priority)),
            answer,
            request.parameters,
            request.priority,
            responses,
            timeline,
            request.sequence_id,
            request.sequence_start,
            request.sequence_end,
            promised=now + given,
            visit=visit,
        )
        if is_lone and not self._batching.preserve_ordering and self._pool.run_alone(pending):
            return pending
        try:
            self._pool.submit(pending)
        except Overloaded as error:
            self._outcomes.refused(pending, error)
            raise
        self._outcomes.accepted(pending)
        self._expiry.watch(pending.expires)
        return pending

    def give_up(self, pending: Pending) -> None:
        """Its caller wants no answer any more, if it has none; its place is free then."""
        if not (pending.answer.cancel() or pending.answer.cancelled()):
            return
        self._pool.cancel(pending)
        self._outcomes.given_up(pending)

    def response(self, request: InferRequest, outputs: Arrays, final: bool = True) -> InferResponse:
        wanted = request.output_names or self.outputs
        chosen = {name: outputs[name] for name in wanted if name in outputs}
        return InferResponse(self.name, self.version, chosen, request.id, final, self.labels)

    def _count_response(self, number: int, pending: Pending, outcome: str) -> None:
        self.statistics.record_response(number, outcome, time.monotonic() - pending.arrived)


def _close(instance: ModelInstance) -> None:
    try:
        instance.close()
    except Exception:  # a model's own code; it is gone all the same
        log.exception("a model failed to close")
