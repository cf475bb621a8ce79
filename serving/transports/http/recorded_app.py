"""Requests that go through the web framework, as a recorder sees them.

Rule: what passes is noted and handed on, unread and unchanged.
"""

from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.protocols import sse
from serving.recording.calls import Answer, HttpCall
from serving.recording.recorder import Recorder
from serving.recording.what_is_kept import is_inference, kept_headers, with_kept_query

_EVENTS_END = b"\n\n"


class RecordedApp:
    """ASGI middleware, around everything that answers."""

    def __init__(self, app: ASGIApp, recorder: Recorder) -> None:
        self._app = app
        self._recorder = recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_asked = scope["type"] == "http" and scope["method"] == "POST" and is_inference(scope["path"])
        if not (is_asked and self._recorder.chooses()):
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(self._recorder, scope, receive, send)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        finally:
            if not exchange.was_refused:
                self._recorder.put(exchange.call())


class _Exchange:
    """One request and its reply."""

    def __init__(self, recorder: Recorder, scope: Scope, receive: Receive, send: Send) -> None:
        self._now = recorder.now
        self._scope = scope
        self._receive = receive
        self._send = send
        self._start = self._end = recorder.now()
        self._body: list[bytes | memoryview] = []
        self._is_whole = False
        self._status: int | None = None
        self._is_stream = False
        self._answered = 0
        self._first_byte: float | None = None
        self._events = 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._body.append(message.get("body", b""))
            self._is_whole = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        await self._send(message)
        self._end = self._now()
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._is_stream = (b"content-type", sse.CONTENT_TYPE.encode()) in message["headers"]
        elif body := message.get("body", b""):
            self._answered += len(body)
            if self._is_stream:
                self._first_byte = self._first_byte or self._end - self._start
                self._events += body.count(_EVENTS_END)

    @property
    def was_refused(self) -> bool:
        """For who asked, so that it says nothing of the server's load."""
        return self._status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

    def call(self) -> HttpCall:
        raw_path: bytes = self._scope.get("raw_path") or self._scope["path"].encode()
        return HttpCall(
            self._start,
            with_kept_query(raw_path.decode("latin-1"), self._scope["query_string"].decode("latin-1")),
            kept_headers(self._scope["headers"]),
            tuple(self._body) if self._is_whole else None,
            sum(map(len, self._body)),
            self._answer(),
        )

    def _answer(self) -> Answer:
        events = self._events if self._is_stream else None
        return Answer(self._status, self._end - self._start, self._answered, self._first_byte, events)
