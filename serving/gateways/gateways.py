"""The gateways of a server: N processes on one port, kept up, and brought to their end.

Rule: each has a listening socket of its own for as long as the server runs, so that a connection that came while a
gateway is started again waits for it.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

from serving.access.certificates import Certificates
from serving.backends.restarts import Restarts
from serving.engine.own_thread import in_own_thread
from serving.gateways.engine_end import EngineEnd
from serving.gateways.gateway_process import GatewayProcess
from serving.transports.http.tensor_request import Way
from serving.transports.http.uvicorn_server import HttpServer
from serving.transports.http.watch import ConnectionLimits

log = logging.getLogger("slipway")

_LAST_WORDS = 2.0  # seconds for the replies to what was cut off
_LONGEST_DELAY = 2.0  # seconds; a start costs little, and connections wait for it


class GatewaysFailed(Exception):
    """The text says why, and what to do."""


def check_platform(of_os: Collection[str], of_sockets: Collection[str]) -> None:
    """Raises `GatewaysFailed` where these names lack what is needed."""
    if "memfd_create" not in of_os or "SO_REUSEPORT" not in of_sockets:
        raise GatewaysFailed("--http-workers: more than 1 needs Linux; leave it out, and this process does it all")


class Gateways:
    """Belongs to the event loop's thread."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        http: HttpServer,
        app: Any,
        fast_path: Way,
        max_body_size: int,
        limits: ConnectionLimits,
        certificates: Certificates | None = None,
    ) -> None:
        """One for each of `sockets`, which stay the caller's. `http` serves the ASGI application `app`. `limits` are of
        each. Connections are encrypted where there are `certificates`."""
        self.restarts = 0
        self._sockets = sockets
        self._http = http
        self._app = app
        self._fast_path = fast_path
        self._max_body_size = max_body_size
        self._limits = limits
        self._certificates = certificates
        self._stopping = asyncio.Event()
        self._ends: dict[EngineEnd, GatewayProcess] = {}
        self._connecting: set[asyncio.Future[Any]] = set()
        self._in_vain: set[int] = set()  # which are started again and again
        self._came_up: list[asyncio.Future[str]] = []  # and how it ended, where it did before
        self._tasks: list[asyncio.Task[None]] = []

    def __repr__(self) -> str:
        return f"<Gateways {self.up} of {len(self._sockets)}>"

    @property
    def count(self) -> int:
        """How many there should be."""
        return len(self._sockets)

    @property
    def up(self) -> int:
        return sum(end.is_up for end in self._ends)

    @property
    def running(self) -> int:
        """Requests of theirs that the engine has not answered yet."""
        return sum(end.running for end in self._ends)

    @property
    def needs_restart(self) -> str:
        """Of the whole server, in words; "" while they can be kept up."""
        return f"HTTP worker {min(self._in_vain)} can't be kept up" if self._in_vain else ""

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._came_up = [loop.create_future() for _ in self._sockets]
        self._tasks = [asyncio.create_task(self._keep(number)) for number in range(len(self._sockets))]

    async def are_up(self, stop: asyncio.Event) -> None:
        """Return when they take connections, or at a stop. Raises `GatewaysFailed`."""
        stopping: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
        for coming in self._came_up:
            await asyncio.wait([coming, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for how in [coming.result() for coming in self._came_up if coming.done()]:
            if how:
                raise GatewaysFailed(f"an HTTP worker {how} before it was up; leave --http-workers out to do without")

    def leave(self) -> None:
        """Their clients shall go elsewhere; who comes nevertheless is answered."""
        for end in self._ends:
            end.leave()

    async def drain(self, seconds: float, end_http: Callable[[], Awaitable[object]]) -> int:
        """They take no more connections, and end when what they have is answered; how much was cut off after so long.

        Only then `end_http` is called, to end the server's own HTTP, which answers much of it.
        """
        self._stopping.set()
        for listening in self._sockets:
            listening.close()
        for end in self._ends:
            end.stop()
        await self._wait(seconds)
        cut_off = sum(end.cut_off() for end in self._ends)
        await end_http()
        await self._wait(_LAST_WORDS)
        for process in self._ends.values():
            process.kill()
        await asyncio.gather(*self._tasks)
        return cut_off

    async def _wait(self, seconds: float) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def _keep(self, number: int) -> None:
        restarts = Restarts()
        while not self._stopping.is_set():
            start = time.monotonic()
            try:
                how = await self._live(number)
            except (OSError, ValueError) as error:  # also of a socket that a stop has closed meanwhile
                how = f"can't be started: {error}"
            if not self._came_up[number].done():
                self._came_up[number].set_result(how)
                return
            if self._stopping.is_set():
                return
            self.restarts += 1
            restarts = restarts.after(time.monotonic() - start)
            if restarts.are_in_vain:
                self._in_vain.add(number)
            delay = min(restarts.delay, _LONGEST_DELAY)
            log.error("HTTP worker %d %s; next start in %g s", number, how, delay)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)

    async def _live(self, number: int) -> str:
        """From a start to how it ended. Raises `OSError` and `ValueError`."""
        size, limits, certificates = self._max_body_size, self._limits, self._certificates
        process = await in_own_thread(GatewayProcess, self._sockets[number], size, limits, certificates)
        end = EngineEnd(self._fast_path, self._app, process.memory, on_up=lambda: self._on_up(number))
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: end, sock=process.engine)
        self._ends[end] = process
        process.control.setblocking(False)
        loop.add_reader(process.control, self._adopt, process.control)
        log.info("HTTP worker %d runs in process %d", number, process.pid)
        if self._stopping.is_set():
            end.stop()
        try:
            await end.gone
        finally:
            loop.remove_reader(process.control)
            process.close()
        how = await in_own_thread(process.end)
        del self._ends[end]
        return how

    def _on_up(self, number: int) -> None:
        self._in_vain.discard(number)
        if not self._came_up[number].done():
            self._came_up[number].set_result("")

    def _adopt(self, control: socket.socket) -> None:
        """A connection that a gateway wants to have with the server's own HTTP."""
        with suppress(BlockingIOError, ConnectionError):
            for descriptor in socket.recv_fds(control, 1, 1)[1]:
                connection = socket.socket(fileno=descriptor)
                connecting = asyncio.get_running_loop().connect_accepted_socket(self._http.protocol, connection)
                task = asyncio.ensure_future(connecting)
                self._connecting.add(task)
                task.add_done_callback(self._connecting.discard)
