"""Takes connections, and finds what answers their calls.

Rule: it takes grpc's own handlers, so that grpc's services (health, reflection) may be added to it as they are.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from serving.protocols.grpc_wire import CallHead, Metadata
from serving.transports.grpc.call import UNLIMITED
from serving.transports.grpc.fast_calls import AskFast
from serving.transports.grpc.lookout import Lookout
from serving.transports.grpc.rpc_connection import RpcConnection
from serving.transports.grpc.rpc_limits import DEFAULT_LIMITS, RpcLimits
from serving.transports.held_memory import HeldMemory

_BACKLOG = 2048  # connections that nobody took yet
_LAST_WORDS = 1.0  # seconds


class Details(NamedTuple):
    """As grpc's handlers want to know them."""

    method: str
    invocation_metadata: Metadata


class RpcServer:
    """Made on the event loop that it runs on. `ask_fast` is asked before handlers are."""

    def __init__(
        self,
        limits: RpcLimits = DEFAULT_LIMITS,
        memory: HeldMemory = UNLIMITED,
        ask_fast: AskFast | None = None,
    ) -> None:
        self._handlers: list[Any] = []
        self._connections: set[RpcConnection] = set()
        self._limits = limits
        self._lookout = Lookout()
        self._connect = partial(RpcConnection, self._find, ask_fast, self._lookout, self._connections, limits, memory)
        self._servers: list[asyncio.Server] = []

    def __repr__(self) -> str:
        return f"<RpcServer {len(self._connections)} connections>"

    @property
    def connections(self) -> int:
        """That are open."""
        return len(self._connections)

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        self._handlers += handlers

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """They are the same as the generic ones."""

    async def start(self, listening: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        within = None if tls is None else self._limits.greeting
        serving = asyncio.get_running_loop().create_server(
            self._connect, sock=listening, backlog=_BACKLOG, ssl=tls, ssl_handshake_timeout=within
        )
        self._servers.append(await serving)

    def leave(self) -> None:
        """Callers that are connected shall go elsewhere; who comes nevertheless is answered."""
        for connection in self._connections:
            connection.leave()

    async def stop(self) -> None:
        """Nobody is answered any more; what was said has a moment to be on its way."""
        for server in self._servers:
            server.close()
        open_yet = list(self._connections)
        for connection in open_yet:
            connection.close()
        if open_yet:
            await asyncio.wait([connection.lost for connection in open_yet], timeout=_LAST_WORDS)
        for connection in list(self._connections):
            connection.abort()
        await asyncio.sleep(0)

    def _find(self, head: CallHead) -> Any:
        details = Details(head.method, head.metadata)
        for each in self._handlers:
            handler = each.service(details)
            if handler is not None:
                return handler
        return None
