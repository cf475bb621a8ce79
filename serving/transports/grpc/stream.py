"""Any number of requests and responses in one call: ModelStreamInfer.

    messages ─▶ read: decode, one after another ─▶ a task for each request ─▶ in turn, where models answer once ─▶ write

Source: Triton's extension for decoupled models and its grpc/stream_infer_handler.cc. Rule: requests reach the engine in
the order in which they came, and one that fails costs its neighbours nothing.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from tritonclient.grpc.service_pb2 import ModelInferRequest, ModelInferResponse, ModelStreamInferResponse

from serving.core.requests import InferRequest
from serving.core.visit import CURRENT, Visit
from serving.engine.engine import Engine
from serving.engine.servable import Servable
from serving.errors import InvalidInput, ServerExiting, SlipwayError
from serving.protocols.outputs import OpenWindow, RequestedOutputs
from serving.protocols.v2_proto import read_version, wants_empty_final
from serving.transports.grpc.calls import Streaming, shortened, told
from serving.transports.grpc.coding import COPIES, decoded, encoded
from serving.transports.grpc.observed import begin, note_failure, observed
from serving.transports.grpc.recorded_calls import Watch
from serving.transports.held_memory import HeldMemory, size_of
from serving.transports.observer import UNOBSERVED, Observer
from serving.transports.shared_memory import SharedMemoryRegions

FINAL = "triton_final_response"
MOST_IN_FLIGHT = 1024
"""Requests of one call that may be unanswered; while there are as many, the caller's next ones are not read."""

_ENDS_AT_ERRORS = ("triton_grpc_error", "true")


def stream_rpc(
    engine: Engine,
    regions: SharedMemoryRegions,
    exiting: asyncio.Event,
    watch: Callable[[], Watch],
    memory: HeldMemory,
    observer: Observer = UNOBSERVED,
) -> Streaming:
    """Once `exiting` is set nothing more is read; what was read is answered. `watch` is asked for each call's."""

    async def model_stream_infer(messages: AsyncIterator[ModelInferRequest | InvalidInput], context: Any) -> None:
        ends_at_errors = _ENDS_AT_ERRORS in (tuple(pair) for pair in context.invocation_metadata() or ())
        await _Stream(engine, regions.window, watch(), context, ends_at_errors, memory, observer).run(messages, exiting)

    return model_stream_infer


@dataclass(frozen=True, slots=True)
class _Question:
    """A request as it was read. `responses` may raise anything, also instead of the first one."""

    id: str
    visit: Visit
    is_in_turn: bool
    responses: AsyncGenerator[ModelInferResponse, None]


class _Stream:
    """One call. `ends_at_errors`: the first error is the call's status, where it is else a response like others."""

    def __init__(
        self,
        engine: Engine,
        open_window: OpenWindow,
        watch: Watch,
        context: Any,
        ends_at_errors: bool,
        memory: HeldMemory,
        observer: Observer,
    ) -> None:
        self._memory = memory
        self._observer = observer
        self._engine = engine
        self._open_window = open_window
        self._watch = watch
        self._context = context
        self._ends_at_errors = ends_at_errors
        self._room = asyncio.Semaphore(MOST_IN_FLIGHT)
        self._writing = asyncio.Lock()

    async def run(self, messages: AsyncIterator[ModelInferRequest | InvalidInput], exiting: asyncio.Event) -> None:
        """Returns when everything is answered. Raises `ServerExiting` to a caller that may have had more to say, and
        what ends the call early; then, and when it is cancelled, the requests on their way are given up."""
        leaving = asyncio.ensure_future(exiting.wait())
        try:
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(self._read(messages, tasks))
                await asyncio.wait([reading, leaving], return_when=asyncio.FIRST_COMPLETED)
                reading.cancel()
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            leaving.cancel()
        if reading.cancelled():
            raise ServerExiting("GRPC server is shutting down and has stopped accepting new requests.")

    async def _read(self, messages: AsyncIterator[ModelInferRequest | InvalidInput], tasks: asyncio.TaskGroup) -> None:
        turn = asyncio.Event()
        turn.set()
        async for message in messages:
            await self._room.acquire()
            question = await self._question(message)
            before, after = (turn, asyncio.Event()) if question.is_in_turn else (None, None)
            turn = after or turn
            task = tasks.create_task(self._answer(question, before, after))
            task.add_done_callback(lambda _: self._room.release())

    async def _question(self, message: ModelInferRequest | InvalidInput) -> _Question:
        visit = begin(self._observer, "ModelStreamInfer", self._context)
        CURRENT.set(visit)  # of the task that reads, one after another
        if isinstance(message, InvalidInput):
            return _Question("", visit, True, _refused(message))
        watched, is_in_turn = self._watch(message), True
        try:
            model = self._engine.model(message.model_name, read_version(message.model_version))
            is_in_turn = not model.is_decoupled
            request, requested = await decoded(message, self._open_window)
        except Exception as error:  # told in its turn
            return _Question(message.id, visit, is_in_turn, watched(_refused(error)))
        responses = self._responses(model, request, requested, wants_empty_final(message))
        return _Question(message.id, visit, is_in_turn, watched(responses))

    async def _responses(
        self, model: Servable, request: InferRequest, requested: RequestedOutputs, wants_end: bool
    ) -> AsyncGenerator[ModelInferResponse, None]:
        with self._memory.holding(COPIES * size_of(request.inputs)):
            async with aclosing(self._engine.stream(request)) as responses:
                async for response in responses:
                    only_marks_the_end = model.is_decoupled and response.final and not response.outputs
                    if wants_end or not only_marks_the_end:
                        message = await encoded(response, requested, model)
                        message.parameters[FINAL].bool_param = response.final
                        yield message

    async def _answer(self, question: _Question, before: asyncio.Event | None, after: asyncio.Event | None) -> None:
        """`before` is set when the requests before this one are answered, `after` when this one is; where it ends the
        call instead, nothing comes after it."""
        with observed(self._observer, question.visit):
            async with aclosing(self._replies(question)) as replies:
                async for reply in replies:
                    if before is not None:
                        await before.wait()
                    await self._write(reply)
            self._observer.reply_headers(question.visit)  # which a stream has no place for, but a trace may begin
        if after is not None:
            after.set()

    async def _replies(self, question: _Question) -> AsyncGenerator[ModelStreamInferResponse | SlipwayError, None]:
        try:
            async with aclosing(question.responses) as responses:
                async for response in responses:
                    yield ModelStreamInferResponse(infer_response=response)
        except Exception as error:
            failure = told(error, "ModelStreamInfer")
            note_failure(question.visit, failure)
        else:
            return
        yield failure if self._ends_at_errors else _error_response(failure, question.id)

    async def _write(self, reply: ModelStreamInferResponse | SlipwayError) -> None:
        """One at a time; waits while the caller is slow to read, and so does whoever has the next one."""
        if isinstance(reply, SlipwayError):
            raise reply
        async with self._writing:
            await self._context.write(reply)


async def _refused(error: Exception) -> AsyncGenerator[ModelInferResponse, None]:
    raise error
    yield


def _error_response(error: SlipwayError, request_id: str) -> ModelStreamInferResponse:
    message = ModelStreamInferResponse(error_message=shortened(str(error)))
    message.infer_response.id = request_id
    message.infer_response.parameters[FINAL].bool_param = True
    return message
