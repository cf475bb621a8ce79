"""Usual tensor requests, as a recorder sees them. Rule: what is not chosen costs a coin's toss and a call."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from serving.recording.calls import Answer, HttpCall
from serving.recording.recorder import Recorder
from serving.transports.http.tensor_request import Asked, Headers, Send, Target, Way


class RecordedWay:
    """A `Way` around another."""

    def __init__(self, way: Way, recorder: Recorder) -> None:
        self.target = way.target
        self.body = way.body
        self._ask = way.ask
        self._recorder = recorder

    def ask(self, target: Target, body: Any, send: Send, is_lone: bool = False) -> Asked | bool:
        if self._recorder.chooses():
            send = partial(self._answer, self._recorder.now(), target, body, send)
        return self._ask(target, body, send, is_lone)

    def _answer(
        self,
        start: float,
        target: Target,
        asked: bytes | memoryview,
        send: Send,
        status: int,
        headers: Headers,
        body: Sequence[bytes | memoryview],
    ) -> None:
        size = sum(map(len, body))
        send(status, headers, body)
        answer = Answer(status, self._recorder.now() - start, size)
        self._recorder.put(HttpCall(start, target.path, _headers(target), (asked,), len(asked), answer))


def _headers(target: Target) -> tuple[tuple[str, str], ...]:
    """That would be read as it was; the request's own are not kept."""
    has_tensors = target.header_length < target.length
    headers = [("content-type", "application/octet-stream" if has_tensors else "application/json")]
    if has_tensors:
        headers.append(("inference-header-content-length", str(target.header_length)))
    if target.accepts:
        headers.append(("accept-encoding", target.accepts))
    if target.timeout is not None:
        headers.append(("x-request-timeout-ms", f"{target.timeout * 1000:g}"))
    return tuple(headers)
