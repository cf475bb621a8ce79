"""The usual tensor request's way past the web framework: from a connection's parser to the engine, and back.

Rule: it answers what the documented route answers, byte for byte, and leaves to that whatever is unusual.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from serving.core.requests import Arrays, InferRequest
from serving.engine.engine import Engine
from serving.engine.pending import Pending
from serving.engine.served_model import ServedModel
from serving.errors import ModelNotReady, SlipwayError
from serving.protocols.known_headers import KnownRequests, KnownResponses
from serving.protocols.outputs import Window
from serving.protocols.v2_binary import encode_tensor
from serving.transports.http.cut_off import cut_off_reply
from serving.transports.http.replies import slipway_error_reply, unexpected_error_reply

LARGEST = 64 * 1024
"""Bytes of a body: so much comes in one piece. Of larger ones the framework's costs are a small part."""

_PATH = re.compile(rb"/v2/models/([\w.-]+)(?:/versions/(\d+))?/infer", re.ASCII)
_LENGTH, _HEADER_LENGTH = b"content-length", b"inference-header-content-length"
_UNUSUAL = frozenset(
    [b"accept-encoding", b"content-encoding", b"transfer-encoding", b"expect", b"x-request-timeout-ms"]
)

Headers = Sequence[tuple[bytes, bytes]]
Send = Callable[[int, Headers, Sequence[bytes | memoryview]], None]
"""A whole reply: its status, its headers, and its body in pieces."""


class Target(NamedTuple):  # made in a third of a frozen dataclass's time
    """What a request's head says; `header_length` is that of the JSON that its body begins with."""

    path: str
    model: str
    version: str
    header_length: int


class _Asked(NamedTuple):
    target: Target
    model: ServedModel
    request: InferRequest
    pending: Pending
    send: Send


class FastPath:
    """Belongs to the event loop's thread."""

    def __init__(self, engine: Engine, max_body_size: int) -> None:
        """`max_body_size` in bytes."""
        self._engine = engine
        self._largest = min(LARGEST, max_body_size)
        self._requests = KnownRequests()
        self._responses = KnownResponses()

    def target(self, method: bytes, url: bytes, headers: Headers) -> Target | None:
        """None for requests that are not for this way."""
        length = header_length = 0
        for name, value in headers:
            if name == _HEADER_LENGTH:
                if header_length or not value.isdigit() or len(value) > len(str(LARGEST)):
                    return None
                header_length = int(value)
            elif name == _LENGTH:
                length = int(value)
            elif name in _UNUSUAL:
                return None
        if method != b"POST" or not 0 < header_length <= length <= self._largest:
            return None
        match = _PATH.fullmatch(url)
        return match and Target(url.decode(), match[1].decode(), (match[2] or b"").decode(), header_length)

    def ask(self, target: Target, body: bytes, send: Send) -> "asyncio.Future[Arrays] | bool":
        """`send` gets the reply, once. What is awaited until then, which may be cancelled; True where it is there
        already; False, and nothing has happened, where the request is not for this way."""
        model = self._engine.alone(target.model, target.version)
        if model is None or model.gives_text:  # which may take long to encode
            return False
        try:
            request, requested = self._requests.decode(
                target.model, target.version, body, target.header_length, _no_window
            )
        except Exception:  # the documented route says what is wrong with it
            return False
        if requested.need_work or not requested.are_binary:
            return False
        try:
            pending = model.submit(request)
        except ModelNotReady:  # it unloads, and there may be another
            return False
        except SlipwayError as error:
            _send_error(target, error, send)
            return True
        pending.answer.add_done_callback(partial(self._answer, _Asked(target, model, request, pending, send)))
        return pending.answer

    def _answer(self, asked: _Asked, answer: "asyncio.Future[Arrays]") -> None:
        if answer.cancelled():
            asked.model.give_up(asked.pending)
            reply = cut_off_reply(asked.target.path)
            asked.send(reply.status_code, reply.raw_headers, [reply.body])
            return
        try:
            self._send_outputs(asked, answer.result())
        except Exception as error:
            _send_error(asked.target, error, asked.send)

    def _send_outputs(self, asked: _Asked, outputs: Arrays) -> None:
        response = asked.model.response(asked.request, outputs)
        header = self._responses.header(response)
        body = [header, *map(encode_tensor, response.outputs.values())]
        headers = (
            (_HEADER_LENGTH, b"%d" % len(header)),
            (_LENGTH, b"%d" % sum(map(len, body))),
            (b"content-type", b"application/octet-stream"),
        )
        asked.send(200, headers, body)


def _send_error(target: Target, error: Exception, send: Send) -> None:
    if isinstance(error, SlipwayError):
        reply = slipway_error_reply(error, target.path)
    else:
        reply = unexpected_error_reply(f"POST {target.path}", error)
    send(reply.status_code, reply.raw_headers, [reply.body])


def _no_window(*_: object) -> Window:
    """Shared memory is for the documented route."""
    raise NotImplementedError
