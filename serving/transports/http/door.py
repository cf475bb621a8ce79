"""Where HTTP requests come in: who asks, may it, and how much of it. Rule: nothing of the application runs before."""

import time
from collections.abc import Callable
from functools import partial

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.access.gate import Asked, Gate, too_many
from serving.access.keys import shown_in
from serving.access.peers import PEER
from serving.access.scope import Scope as KeyScope
from serving.access.table import Needs, Routes
from serving.errors import SlipwayError, Unauthenticated
from serving.transports import audit
from serving.transports.http.replies import no_route_reply, slipway_error_reply
from serving.transports.http.tensor_request import KEY_HEADERS, Headers


class Door:
    """ASGI middleware. `is_behind_gateways`: all requests come from gateways, and say where those had them from."""

    def __init__(
        self, app: ASGIApp, gate: Gate, is_behind_gateways: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._gate = gate
        self._is_behind_gateways = is_behind_gateways
        self._clock = clock
        self._routes = Routes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        needs = self._routes.needs(scope["method"], scope["path"])
        if not isinstance(needs, Needs):
            await self._refuse_unknown(scope, receive, send, needs)
        elif KeyScope.ADMIN in needs.scopes:
            await self._audited(scope, receive, send, needs)
        elif self._gate.is_open:
            await self._app(scope, receive, send)
        else:
            await self._answer(scope, receive, send, needs)

    async def _audited(self, scope: Scope, receive: Receive, send: Send, needs: Needs) -> None:
        status: int | str = "no reply"

        async def noting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._answer(scope, receive, noting_send, needs)
        finally:
            asked = self._asked(scope)
            caller = self._gate.find(asked.key)
            what = f"{scope['method']} {scope['path']}"
            audit.tell(caller.name if caller else "", what, asked.address, status)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, needs: Needs) -> None:
        try:
            caller = self._gate.admit(needs, self._asked(scope))
        except SlipwayError as error:
            await _refuse(scope, receive, send, error)
            return
        if caller.allowance is None:
            await self._app(scope, receive, send)
        elif wait := caller.allowance.enter(self._clock()):
            await _refuse(scope, receive, send, too_many(caller.name, wait))
        else:
            try:
                await self._app(scope, receive, send)
            finally:
                caller.allowance.leave()

    def _asked(self, scope: Scope) -> Asked:
        headers = scope["headers"]
        client = scope["client"][0] if scope["client"] else ""
        address = _header(headers, PEER) if self._is_behind_gateways else client
        keys = [(name.decode(), value.decode("latin-1")) for name, value in headers if name in KEY_HEADERS]
        return Asked(shown_in(keys), address, partial(_header, headers))

    async def _refuse_unknown(self, scope: Scope, receive: Receive, send: Send, methods: frozenset[str]) -> None:
        """What there is no route for is told only to those who may know what there is."""
        try:
            if self._gate.has_keys:
                self._gate.known(self._asked(scope).key)
        except Unauthenticated as error:
            await _refuse(scope, receive, send, error)
            return
        reply = no_route_reply(scope["method"], scope["path"], methods)
        await reply(scope, receive, send)


def _header(headers: Headers, name: str) -> str:
    wanted = name.encode("latin-1", "replace")
    return next((value.decode("latin-1") for each, value in headers if each == wanted), "")


async def _refuse(scope: Scope, receive: Receive, send: Send, error: SlipwayError) -> None:
    await slipway_error_reply(error, scope["path"])(scope, receive, send)
