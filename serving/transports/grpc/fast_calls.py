"""The usual `ModelInfer` past messages, coroutines and tasks: from a connection's bytes to the engine, and back.

Rule: it answers what the documented RPC answers, byte for byte, and leaves to that whatever is unusual: calls with a
deadline or with metadata that somebody looks at, large ones, texts, shared memory, classes, sequences of models.
"""

import asyncio
import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any

import grpc
from tritonclient.grpc.service_pb2 import ModelInferRequest

from serving.core.requests import Arrays, InferRequest
from serving.core.visit import NOTED
from serving.engine.engine import Engine
from serving.engine.pending import Pending
from serving.engine.served_model import Fit, ServedModel
from serving.errors import ModelNotReady, SlipwayError
from serving.protocols import grpc_wire, v2_proto
from serving.protocols.grpc_wire import HEAD, OK, CallHead
from serving.protocols.known_headers import Known
from serving.protocols.known_messages import KnownMessages, KnownReplies, message_layout
from serving.transports.grpc.call import Wire
from serving.transports.grpc.calls import TOOK_LONGER, Calls, shortened, told
from serving.transports.grpc.coding import COPIES, MANY
from serving.transports.held_memory import HeldMemory
from serving.transports.observer import UNOBSERVED, Observer
from serving.transports.status import grpc_status

NAME = "ModelInfer"
METHOD = f"/inference.GRPCInferenceService/{NAME}"

LARGEST = 64 * 1024  # bytes of a message that is read on the event loop

_NOTED = {name.decode() for name in NOTED}

_OK = grpc_wire.trailers(OK)
_MOST_TRIES = 3  # of messages of one size, which are all unusual
_TRIED_ANEW = 1000  # such messages later


@dataclass(frozen=True, slots=True)
class _Asked:
    """What messages ask that differ only in their tensors."""

    identity: Hashable  # of the model
    request: InferRequest
    fits: Fit


class FastCall:
    """An answer that nobody awaits: it is sent in the moment in which it is there. To a connection it is a call whose
    words are all said."""

    __slots__ = ("_calls", "_is_cancelled", "_is_done", "_model", "_request", "_size", "_stream", "_wire", "pending")

    def __init__(
        self, calls: "FastCalls", wire: Wire, stream: int, model: ServedModel, request: InferRequest, size: int
    ) -> None:
        self._calls = calls
        self._wire = wire
        self._stream = stream
        self._model = model
        self._request = request
        self._size = size
        self._is_done = self._is_cancelled = False
        self.pending: Pending | None = None

    # to the engine it is an `Answer`

    def done(self) -> bool:
        return self._is_done

    def cancelled(self) -> bool:
        return self._is_cancelled

    def cancel(self) -> bool:
        is_first, self._is_done = not self._is_done, True
        self._is_cancelled = self._is_cancelled or is_first
        return is_first

    def set_result(self, outputs: Arrays) -> None:
        self._is_done, self.pending = True, None  # which has the inputs, and this call
        try:
            body = grpc_wire.prefixed(self._calls.replies.message(self._model.response(self._request, outputs)))
        except Exception as error:
            self.fail(error)
            return
        self._calls.ended[NAME, grpc.StatusCode.OK.name] += 1
        if self._wire.reply(self._stream, HEAD, body, _OK):
            self._end()
        else:  # its caller may be slow to read, but its inputs are gone
            self._give_memory()

    def set_exception(self, error: Exception) -> None:
        self._is_done, self.pending = True, None
        self.fail(error)

    def fail(self, error: Exception) -> None:
        failure = told(error, NAME)
        status = grpc_status(failure)
        self._calls.ended[NAME, status.name] += 1
        self._wire.refuse(self._stream, grpc_wire.trailers_only(status.value[0], shortened(str(failure))))
        self._end()

    # to its connection it is a call

    @property
    def is_running(self) -> bool:
        return self in self._calls.running

    def came(self, data: bytes, is_last: bool) -> None:
        """Nothing more can."""

    def sent(self) -> None:
        self._end()

    def gone(self) -> None:
        """Its caller went away."""
        if self._give_up():
            self._calls.ended[NAME, grpc.StatusCode.CANCELLED.name] += 1
        self._end()

    # to the server that stops

    def cut_off(self) -> None:
        if self._give_up():
            self.fail(TOOK_LONGER)
        else:  # answered, and not read by its caller
            self._wire.give_up(self._stream)
            self._end()

    def _give_up(self) -> bool:
        """Whether it had no answer."""
        pending, self.pending = self.pending, None
        if pending is None or self._is_done:
            return False
        self._model.give_up(pending)
        return True

    def _end(self) -> None:
        if self in self._calls.running:
            self._calls.running.discard(self)
            self._give_memory()
            self._wire.ended(self._stream, was_asked=True)

    def _give_memory(self) -> None:
        self._calls.memory.give(self._size)
        self._size = 0


AskFast = Callable[[Wire, int, CallHead, bytes], FastCall | None]
"""As `FastCalls.ask`."""


class FastCalls:
    """Belongs to the event loop's thread."""

    def __init__(
        self,
        engine: Engine,
        memory: HeldMemory,
        calls: Calls,
        is_open: bool,
        max_message_size: int = -1,
        observer: Observer = UNOBSERVED,
    ) -> None:
        """`is_open`: anybody may ask. `max_message_size` in bytes, -1 for any. Nobody is answered once `calls` is
        exiting."""
        self.memory = memory
        self.ended = calls.ended
        self.replies = KnownReplies()
        self.running: set[FastCall] = calls.without_task  # type: ignore[assignment] # which only counts them
        self._is_open = is_open
        self._largest = 5 + (LARGEST if max_message_size < 0 else min(LARGEST, max_message_size))
        self._engine = engine
        self._exiting = calls.exiting
        self._observer = observer
        self._known: KnownMessages[_Asked] = KnownMessages()
        self._unusual: Known[int, int] = Known()  # how many of a size were

    def __repr__(self) -> str:
        return f"<FastCalls {len(self.running)} running>"

    def ask(self, wire: Wire, stream: int, head: CallHead, body: bytes) -> FastCall | None:
        """`body` is all that the caller says. None for a call that must go the other way, of which nothing has
        happened; one that is answered is not among `running` any more."""
        if not self._is_usual(head, body):
            return None
        data = body[5:]
        found = self._known.find(data)
        if found is None:
            return self._read(wire, stream, data)
        layout, asked = found
        model = self._engine.alone(asked.request.model_name, asked.request.model_version)
        if model is None or model.identity is not asked.identity:
            return self._read(wire, stream, data)
        return self._submit(wire, stream, model, asked, layout.tensors.read(data))

    async def end(self, timeout: float) -> int:
        """How many did not end within `timeout` seconds, and were told."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        while self.running and loop.time() < until:
            await asyncio.sleep(min(0.01, timeout))
        late = list(self.running)
        for call in late:
            call.cut_off()
        return len(late)

    def _is_usual(self, head: CallHead, body: bytes) -> bool:
        if head.method != METHOD or head.timeout is not None or len(body) > self._largest or not self._is_open:
            return False
        if self._exiting.is_set() or self._observer.looks_for_failures or any(it[0] in _NOTED for it in head.metadata):
            return False
        return len(body) >= 5 and body[0] == 0 and int.from_bytes(body[1:5], "big") == len(body) - 5

    def _read(self, wire: Wire, stream: int, data: bytes) -> FastCall | None:
        tries = self._unusual.get(len(data)) or 0
        if tries >= _MOST_TRIES:
            self._unusual.put(len(data), (tries + 1) % _TRIED_ANEW)
            return None
        try:
            message = ModelInferRequest.FromString(data)
            read = v2_proto.decode_request(message, _no_window) if all(map(_is_quick, message.inputs)) else None
        except Exception:  # the other way says what is wrong
            read = None
        if read is None or read[1].need_work:
            self._unusual.put(len(data), tries + 1)
            return None
        request = read[0]
        model = self._engine.alone(request.model_name, request.model_version)
        if model is None or model.gives_text:
            return None
        try:
            asked = _Asked(model.identity, request, model.fit(request))
        except SlipwayError:
            return None
        layout = None if model.reads_parameters else message_layout(data, message, request)
        if layout is not None:
            self._known.put(layout, replace(asked, request=replace(request, inputs={})))
        return self._submit(wire, stream, model, asked, request.inputs)

    def _submit(self, wire: Wire, stream: int, model: ServedModel, asked: _Asked, inputs: Arrays) -> FastCall | None:
        size = COPIES * sum(array.nbytes for array in inputs.values())
        if not self.memory.takes(size):
            return None
        if not self._engine.spares(asked.request.model_name, None):
            self.memory.give(size)
            return None
        call = FastCall(self, wire, stream, model, asked.request, size)
        self.running.add(call)
        try:
            pending = model.enqueue(asked.request, asked.fits, inputs, call, is_lone=wire.asked())
        except ModelNotReady:  # it unloads, and there may be another
            self.running.discard(call)
            self.memory.give(size)
            wire.ended(stream, was_asked=True)
            return None
        except SlipwayError as error:
            call.fail(error)
        else:
            if not call.done():
                call.pending = pending
        return call


def _is_quick(tensor: Any) -> bool:
    """To read: as it lies there, or of few elements."""
    if tensor.datatype == "BYTES":
        return False
    return not tensor.HasField("contents") or math.prod(tensor.shape) < MANY


def _no_window(*_: object) -> Any:
    """Shared memory is for the other way."""
    raise NotImplementedError
