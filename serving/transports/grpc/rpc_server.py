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
from serving.transports.grpc.rpc_connection import AskFast, Lookout, RpcConnection


class Details(NamedTuple):
    """As grpc's handlers want to know them."""

    method: str
    invocation_metadata: Metadata


class RpcServer:
    """Made on the event loop that it runs on. `max_message_size` in bytes, -1 for any size. `ask_fast` is asked before
    handlers are."""

    def __init__(
        self, max_message_size: int = -1, max_connection_age: float = 0.0, ask_fast: AskFast | None = None
    ) -> None:
        self._handlers: list[Any] = []
        self._connections: set[RpcConnection] = set()
        self._connect = partial(
            RpcConnection, self._find, ask_fast, max_message_size, Lookout(), self._connections, max_connection_age
        )
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
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_server(self._connect, sock=listening, ssl=tls))

    async def stop(self) -> None:
        """Nobody is answered any more."""
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.close()
        await asyncio.sleep(0)

    def _find(self, head: CallHead) -> Any:
        details = Details(head.method, head.metadata)
        for each in self._handlers:
            handler = each.service(details)
            if handler is not None:
                return handler
        return None
