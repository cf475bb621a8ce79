"""The usual tensor request's way past the web framework: from a connection's parser to the engine, and back.

Rule: it answers what the documented route answers, byte for byte, and leaves to that whatever is unusual.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import NamedTuple

from starlette.responses import Response

from serving.core.requests import Arrays, InferRequest, InferResponse
from serving.core.visit import Visit
from serving.engine.engine import Engine
from serving.engine.pending import Pending
from serving.engine.served_model import Fit, ServedModel
from serving.errors import Cancelled, ModelNotReady, SlipwayError
from serving.protocols import v2_json
from serving.protocols.known_headers import Known, KnownResponses, Layout, json_header, layout
from serving.protocols.outputs import RequestedOutputs, Window
from serving.protocols.v2_binary import encode_tensor
from serving.transports.held_memory import HeldMemory
from serving.transports.http.aligned_memory import aligned
from serving.transports.http.counted_body import CountedBody
from serving.transports.http.cut_off import cut_off_reply
from serving.transports.http.encoded_reply import (
    AS_IT_IS,
    EncodedReply,
    coding_for,
    encoded_reply,
    reply_headers,
    size_to_encode,
)
from serving.transports.http.observed import encoded, note_status
from serving.transports.http.off_loop import LARGE
from serving.transports.http.replies import slipway_error_reply, unexpected_error_reply
from serving.transports.http.tensor_request import (
    SMALL,
    Body,
    Headers,
    LargeBody,
    Pieces,
    Send,
    Target,
    target_of,
)
from serving.transports.observer import UNOBSERVED, Observer, caller_in

_TEXT = b"BYTES"  # the datatype whose elements are copied one by one, which takes long in a large body


class _Asked(NamedTuple):
    """What requests ask whose bodies begin with the same header, with or without their inputs. Without a `layout` no
    other is read in the same way."""

    identity: Hashable  # of the model
    request: InferRequest
    requested: RequestedOutputs
    fits: Fit
    layout: Layout | None


class Reply:
    """An answer that nobody awaits: it is sent in the moment in which it is there."""

    __slots__ = ("_asked", "_is_cancelled", "_is_done", "_model", "_path", "_send_on", "_target", "pending")

    def __init__(self, target: Target, model: ServedModel, asked: _Asked, send: Send, path: "FastPath") -> None:
        self._target = target
        self._model = model
        self._asked = asked
        self._send_on = send
        self._path = path
        self._is_done = self._is_cancelled = False
        self.pending: Pending | None = None

    def done(self) -> bool:
        return self._is_done

    def cancelled(self) -> bool:
        return self._is_cancelled

    def leave(self) -> None:
        """The caller went away."""
        gone = Cancelled("the caller closed the connection")
        self._give_up(slipway_error_reply(gone, self._target.path))  # which is counted, and nobody gets

    def cancel(self, **_: object) -> bool:  # with a message, as tasks have
        """The server can't wait for it any longer."""
        return self._give_up(cut_off_reply(self._target.path))

    def _give_up(self, reply: Response) -> bool:
        if self._is_done:
            return False
        self._is_done = self._is_cancelled = True
        if self.pending is not None:
            self._model.give_up(self.pending)
            self.pending = None
        send = partial(self._send, reply.status_code, reply.raw_headers, [bytes(reply.body)])
        asyncio.get_running_loop().call_soon(send)  # whoever cancels many may not be disturbed
        return True

    def set_result(self, outputs: Arrays) -> None:
        self._is_done, self.pending = True, None  # which has the inputs, and this reply
        try:
            self._answer(self._model.response(self._asked.request, outputs))
        except Exception as error:
            self._send_error(error)

    def set_exception(self, error: Exception) -> None:
        self._is_done, self.pending = True, None
        self._send_error(error)

    def _send_error(self, error: Exception) -> None:
        reply = _error_reply(self._target.path, error)
        self._send(reply.status_code, reply.raw_headers, [reply.body])

    def _send(self, status: int, headers: Headers, body: Sequence[bytes | memoryview]) -> None:
        self._path.replies[status] += 1
        self._path.memory.give(self._target.length)
        self._send_on(status, headers, body)

    def _answer(self, response: InferResponse) -> None:
        requested, accepts = self._asked.requested, self._target.accepts
        coding = coding_for(accepts) if accepts else AS_IT_IS
        if requested.are_binary and coding == AS_IT_IS:
            self._send_binary(response)
        elif size_to_encode(response, requested, coding) < LARGE:
            headers, body = encoded_reply(response, requested, coding)
            self._send(200, headers, [body])
        else:
            loop = asyncio.get_running_loop()
            encoding = loop.run_in_executor(None, encoded_reply, response, requested, coding)
            encoding.add_done_callback(self._send_encoded)

    def _send_binary(self, response: InferResponse) -> None:
        header = self._path.responses.header(response)
        body = [header, *map(encode_tensor, response.outputs.values())]
        self._send(200, reply_headers(sum(map(len, body)), len(header)), body)

    def _send_encoded(self, encoding: "asyncio.Future[EncodedReply]") -> None:
        try:
            headers, body = encoding.result()
        except Exception as error:
            self._send_error(error)
        else:
            self._send(200, headers, [body])


class FastPath:
    """Belongs to the event loop's thread."""

    def __init__(self, engine: Engine, max_body_size: int, memory: HeldMemory, observer: Observer = UNOBSERVED) -> None:
        """`max_body_size` in bytes."""
        self.memory = memory
        self._observer = observer
        self._engine = engine
        self._largest = max_body_size
        self._asked: Known[tuple[str, str, bytes], _Asked] = Known()
        self.responses = KnownResponses(json_header)
        self.replies: Counter[int] = Counter()
        """By status."""

    def target(self, method: bytes, url: bytes, headers: Headers) -> Target | None:
        """None for requests that are not for this way."""
        return target_of(method, url, headers, self._largest)

    def body(self, target: Target) -> Body | None:
        if target.length <= SMALL:
            return Pieces()
        if not self.memory.takes(target.length):  # the other way says so
            return None
        try:
            return CountedBody(LargeBody(aligned(target.length, target.header_length)), target.length, self.memory)
        except MemoryError:  # the other way takes it as it comes
            self.memory.give(target.length)
            return None

    def ask(self, target: Target, body: bytes | memoryview, send: Send, is_lone: bool = False) -> Reply | bool:
        """As `Way.ask`."""
        if target.length > SMALL and _TEXT in bytes(body[: target.header_length]):
            return False
        model = self._engine.alone(target.model, target.version)
        if model is None or model.gives_text:  # which may take long to encode
            return False
        asked, inputs = self._asked_before(model, target, body)
        if asked is None or not self._engine.spares(target.model, caller_in(target.noted) if target.noted else None):
            return False
        if not self.memory.takes(target.length):
            return False
        visit = self._observer.begin_fast(target.path, target.model, target.noted)
        if visit is not None:
            visit.bytes_in, visit.version = target.length, model.version
            send = partial(self._send_observed, visit, send)
        elif self._observer.looks_for_failures:
            send = partial(self._send_unless_failed, target, time.monotonic(), send)
        reply = Reply(target, model, asked, send, self)
        request, is_lone = asked.request.within(target.timeout), is_lone and visit is None
        try:
            pending = model.enqueue(request, asked.fits, inputs, reply, is_lone=is_lone, visit=visit)
        except ModelNotReady:  # it unloads, and there may be another
            self.memory.give(target.length)
            return False
        except SlipwayError as error:
            refused = slipway_error_reply(error, target.path)
            self.replies[refused.status_code] += 1
            self.memory.give(target.length)
            send(refused.status_code, refused.raw_headers, [refused.body])
            return True
        if not reply.done():
            reply.pending = pending
        return reply

    def _send_unless_failed(
        self,
        target: Target,
        arrived: float,
        send: Send,
        status: int,
        headers: Headers,
        body: Sequence[bytes | memoryview],
    ) -> None:
        if status < HTTPStatus.BAD_REQUEST:
            send(status, headers, body)
            return
        visit = self._observer.begin("POST", target.path, ())
        visit.arrived, visit.model, visit.bytes_in = arrived, target.model, target.length
        self._send_observed(visit, send, status, headers, body)

    def _send_observed(
        self, visit: Visit, send: Send, status: int, headers: Headers, body: Sequence[bytes | memoryview]
    ) -> None:
        note_status(visit, status)
        visit.bytes_out = sum(map(len, body))
        send(status, [*headers, *encoded(self._observer.reply_headers(visit))], body)
        self._observer.end(visit)

    def _asked_before(
        self, model: ServedModel, target: Target, body: bytes | memoryview
    ) -> tuple[_Asked | None, Arrays]:
        """With the inputs that this body has. None as `_read` says."""
        key = (target.model, target.version, bytes(body[: target.header_length]))
        asked = self._asked.get(key) if target.header_length < target.length else None
        if asked is not None and asked.identity is model.identity and asked.layout and asked.layout.size == len(body):
            return asked, asked.layout.read(body)
        asked = self._read(model, target, body)
        if asked is None:
            return None, {}
        if asked.layout is not None and not model.reads_parameters:  # which a Python model may change
            self._asked.put(key, asked._replace(request=replace(asked.request, inputs={})))
        return asked, asked.request.inputs

    def _read(self, model: ServedModel, target: Target, body: bytes | memoryview) -> _Asked | None:
        """None where the documented route must say what is wrong with it, or the request wants more than tensors."""
        try:
            request, requested = v2_json.decode_request(
                target.model, target.version, body, target.header_length, _no_window
            )
            fits = model.fit(request)
        except Exception:
            return None
        if requested.need_work:
            return None
        found = layout(request, requested, target.header_length, len(body))
        return _Asked(model.identity, request, requested, fits, found)


def _error_reply(path: str, error: Exception) -> Response:
    if isinstance(error, SlipwayError):
        return slipway_error_reply(error, path)
    return unexpected_error_reply(f"POST {path}", error)


def _no_window(*_: object) -> Window:
    """Shared memory is for the documented route."""
    raise NotImplementedError
