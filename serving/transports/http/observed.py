"""Around the whole application: each request is a visit, which its task and all that it starts can look up.

Rule: outermost, so that it sees what callers get; an answer's bytes pass as they are.
"""

from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.core.visit import CURRENT, NOTED, Visit
from serving.transports.http.tensor_request import LENGTH
from serving.transports.observer import Observer

ROUTE = "slipway.route"
"""Where in the scope a path's pattern is, of requests that the framework does not route."""


class Observed:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, observer: Observer) -> None:
        self._app = app
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        observer, visit = self._observer, self._visit(scope)
        CURRENT.set(visit)  # the task is this request's alone

        async def observed_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                note_status(visit, message["status"])
                if added := observer.reply_headers(visit):
                    message = {**message, "headers": [*message["headers"], *encoded(added)]}
            else:
                visit.bytes_out += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, observed_send)
        finally:
            if not visit.status:
                note_status(visit, HTTPStatus.INTERNAL_SERVER_ERROR)
            route = scope.get("route")
            visit.route = scope.get(ROUTE, "") if route is None else getattr(route, "path", "")
            observer.end(visit)

    def _visit(self, scope: Scope) -> Visit:
        noted, length = [], b""
        for name, value in scope["headers"]:
            if name in NOTED:
                noted.append((name.decode(), value.decode("latin-1")))
            elif name == LENGTH:
                length = value
        visit = self._observer.begin(scope["method"], scope["raw_path"].decode("latin-1"), noted)
        visit.bytes_in = int(length) if length.isdigit() else 0
        return visit


def note_status(visit: Visit, status: int) -> None:
    visit.status = int(status)
    visit.has_failed = status >= HTTPStatus.BAD_REQUEST
    visit.is_broken = status >= HTTPStatus.INTERNAL_SERVER_ERROR


def encoded(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in headers]
