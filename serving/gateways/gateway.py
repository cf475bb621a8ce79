"""A gateway's process: takes connections, parses HTTP, and has the engine's process answer.

Rule: it ends when the engine's process tells it to, having answered what it has, or at once when that is gone.
"""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from typing import NamedTuple

import uvloop

from serving.access.certificates import Certificates
from serving.gateways.gateway_end import GatewayEnd
from serving.gateways.proxy import Proxy
from serving.gateways.shared_memory import SharedMemory
from serving.gateways.upstream import Upstreams
from serving.transports.http.uvicorn_server import HttpServer
from serving.transports.http.watch import ConnectionLimits
from serving.transports.tls import server_context


class Task(NamedTuple):
    """Descriptors that it inherits and owns, the largest body that goes to the engine as a frame, in bytes, and
    connections' limits."""

    listening: int
    engine: int
    control: int
    memory: int
    max_body_size: int
    most_connections: int
    header_timeout_ms: int
    body_timeout_ms: int

    @property
    def limits(self) -> ConnectionLimits:
        return ConnectionLimits(self.most_connections, self.header_timeout_ms / 1000, self.body_timeout_ms / 1000)


async def main(task: Task, certificates: Certificates | None) -> None:
    tls = None if certificates is None else server_context(certificates)
    memory = SharedMemory(task.memory, is_gateway=True)
    end = GatewayEnd(
        memory,
        task.max_body_size,
        on_leave=lambda: server.leave(),
        on_stop=lambda: server.stop(),
        on_end=lambda: os._exit(1),
    )
    proxy = Proxy(Upstreams(socket.socket(fileno=task.control)))
    # What takes too long the engine's side cuts off.
    server = HttpServer(proxy, shutdown_timeout=None, fast_path=end, limits=task.limits, tls=tls)
    await asyncio.get_running_loop().create_unix_connection(lambda: end, sock=socket.socket(fileno=task.engine))
    gc.collect()
    gc.freeze()  # what the imports left lives as long as the process
    await server.serve([socket.socket(fileno=task.listening)])


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):  # they are the server's, which says what they mean here
        signal.signal(number, signal.SIG_IGN)
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        numbers, files = sys.argv[1 : 1 + len(Task._fields)], sys.argv[1 + len(Task._fields) :]
        runner.run(main(Task(*map(int, numbers)), Certificates.of(files)))
        os._exit(0)
