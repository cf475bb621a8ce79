"""Uvicorn, as one of several servers in a process. Rule: who runs it says when it ends; it listens to no signal, and
whoever could connect until then is answered."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from ssl import SSLContext
from typing import Any

import uvicorn

from serving.transports.busy_poll import BusyPoll
from serving.transports.http.leaving import Leaving, waiting
from serving.transports.http.tensor_request import Way
from serving.transports.http.watch import DEFAULT_LIMITS, ConnectionLimits

KEEP_ALIVE = 75
"""Seconds; longer than the idle time of common load balancers, so that they hang up first."""

_PATIENCE = 1.0  # seconds, with the handshakes of those whom a server that ends had not accepted


class HttpServer(uvicorn.Server):
    """Without uvicorn's own signal handling, which two servers in one process can't both have."""

    def __init__(
        self,
        app: Any,
        shutdown_timeout: int | None,
        fast_path: Way | None = None,
        keep_alive: int = KEEP_ALIVE,
        limits: ConnectionLimits = DEFAULT_LIMITS,
        tls: SSLContext | None = None,
    ) -> None:
        """`app` is an ASGI application; without a `shutdown_timeout` nothing is ever cut off."""
        self._leaving = Leaving()
        self._tls = tls
        super().__init__(
            uvicorn.Config(
                app,
                http=_http_protocol(fast_path, self._leaving, limits),  # type: ignore[arg-type] # it calls it
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                proxy_headers=False,  # nothing here asks who the caller is
                timeout_keep_alive=keep_alive,
                timeout_graceful_shutdown=shutdown_timeout,
                ssl_context_factory=None if tls is None else lambda *_: tls,
            )
        )
        self.cut_off = 0
        """Requests that did not end within the shutdown timeout, known when `serve` returned."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()

    @property
    def connections(self) -> int:
        """That are open."""
        return len(self.server_state.connections)

    @property
    def running(self) -> int:
        """Requests that are not answered yet."""
        return len(self.server_state.tasks)

    def leave(self) -> None:
        """Its clients shall go elsewhere; who comes nevertheless is answered."""
        self._leaving.has_begun = True

    def stop(self) -> None:
        """`serve` returns soon, when what runs is answered, or its time is over."""
        self.should_exit = True

    def protocol(self) -> Any:
        """For a connection that was not accepted here."""
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state={}
        )

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.leave()
        while connections := [each for listening in sockets or () for each in waiting(listening)]:
            await asyncio.gather(*map(self._accept, connections))
        await super().shutdown(sockets)
        self.cut_off = len(self.server_state.tasks)

    async def _accept(self, connection: socket.socket) -> None:
        patience = None if self._tls is None else _PATIENCE
        with suppress(OSError):  # also of a handshake that fails
            await asyncio.get_running_loop().connect_accepted_socket(
                self.protocol, connection, ssl=self._tls, ssl_handshake_timeout=patience
            )


def _http_protocol(fast_path: Way | None, leaving: Leaving, limits: ConnectionLimits) -> Callable[..., Any] | str:
    try:
        from serving.transports.http.connection import Connection
    except ModuleNotFoundError:  # httptools, on Windows
        return "auto"
    return partial(Connection, fast_path=fast_path, busy_poll=BusyPoll(), leaving=leaving, limits=limits)
