"""The usual `ModelInfer` past messages, coroutines and tasks: from a connection's bytes to the engine, and back.

Rule: it answers what the documented RPC answers, byte for byte, and leaves to that whatever is unusual: calls
with metadata that somebody looks at, large ones, texts, shared memory, classes, sequences of models.
"""

import asyncio
import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any

from tritonclient.grpc.service_pb2 import ModelInferRequest

from serving.core.requests import Arrays, InferRequest
from serving.core.visit import NOTED
from serving.engine.engine import Engine
from serving.engine.served_model import Fit, ServedModel
from serving.errors import ModelNotReady, SlipwayError
from serving.protocols import v2_proto
from serving.protocols.grpc_wire import CallHead
from serving.protocols.known_headers import Known
from serving.protocols.known_messages import KnownMessages, KnownReplies, message_layout
from serving.transports.grpc.call import Wire
from serving.transports.grpc.calls import Calls
from serving.transports.grpc.coding import COPIES, MANY
from serving.transports.grpc.fast_call import NAME, Common, FastCall
from serving.transports.held_memory import HeldMemory, size_of
from serving.transports.observer import UNOBSERVED, Observer

METHOD = f"/inference.GRPCInferenceService/{NAME}"

LARGEST = 64 * 1024  # bytes of a message that is read on the event loop

_NOTED = {name.decode() for name in NOTED}

_MOST_TRIES = 3  # of messages of one size, which are all unusual
_TRIED_ANEW = 1000  # such messages later


@dataclass(frozen=True, slots=True)
class _Asked:
    """What messages ask that differ only in their tensors."""

    identity: Hashable  # of the model
    request: InferRequest
    fits: Fit


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
        self.running: set[FastCall] = calls.without_task  # type: ignore[assignment] # which only counts them
        self._memory = memory
        self._common = Common(memory, calls.ended, calls.without_task, KnownReplies())
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
            return self._read(wire, stream, data, head.timeout)
        layout, asked = found
        model = self._engine.alone(asked.request.model_name, asked.request.model_version)
        if model is None or model.identity is not asked.identity:
            return self._read(wire, stream, data, head.timeout)
        return self._submit(wire, stream, model, asked, layout.tensors.read(data), head.timeout)

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
        if head.method != METHOD or len(body) > self._largest or not self._is_open:
            return False
        if self._exiting.is_set() or self._observer.looks_for_failures or any(it[0] in _NOTED for it in head.metadata):
            return False
        return len(body) >= 5 and body[0] == 0 and int.from_bytes(body[1:5], "big") == len(body) - 5

    def _read(self, wire: Wire, stream: int, data: bytes, seconds: float | None) -> FastCall | None:
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
        return self._submit(wire, stream, model, asked, request.inputs, seconds)

    def _submit(
        self,
        wire: Wire,
        stream: int,
        model: ServedModel,
        asked: _Asked,
        inputs: Arrays,
        seconds: float | None,
    ) -> FastCall | None:
        """`seconds` are those that the caller waits."""
        size = COPIES * size_of(inputs)
        if not self._memory.takes(size):
            return None
        if not self._engine.spares(asked.request.model_name, None):
            self._memory.give(size)
            return None
        call = FastCall(self._common, wire, stream, model, asked.request, size)
        self.running.add(call)
        try:
            pending = model.enqueue(asked.request.within(seconds), asked.fits, inputs, call, is_lone=wire.asked())
        except ModelNotReady:  # it unloads, and there may be another
            self.running.discard(call)
            self._memory.give(size)
            wire.ended(stream, was_asked=True)
            return None
        except SlipwayError as error:
            call.fail(error)
        else:
            if not call.done():
                call.pending = pending
            if seconds is not None and call.is_running:
                call.within(seconds)
        return call


def _is_quick(tensor: Any) -> bool:
    """To read: as it lies there, or of few elements."""
    if tensor.datatype == "BYTES":
        return False
    return not tensor.HasField("contents") or math.prod(tensor.shape) < MANY


def _no_window(*_: object) -> Any:
    """Shared memory is for the other way."""
    raise NotImplementedError
