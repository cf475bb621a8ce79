"""The composition root: the list of parts, how they start, and the order in which they stop.

Rule: accepted requests are answered before the models that answer them go.
"""

import asyncio
import signal
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass

import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from serving.engine.engine import Engine
from serving.engine.registry import ModelRegistry
from serving.engine.repository import ModelRepository
from serving.metrics import Metrics
from serving.settings import Settings
from serving.transports.http.app import gateway, metrics_only

_KEEP_ALIVE = 75  # seconds; longer than the idle time of common load balancers, so that they hang up first


class PortTaken(Exception):
    """The text says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Started:
    """What a caller may want to know of a server that now takes requests."""

    http_port: int
    metrics_port: int
    engine: Engine


async def serve(settings: Settings, on_started: Callable[[Started], None], stop: asyncio.Event) -> None:
    """Run until `stop` is set, then drain. Raises `PortTaken` before anything is loaded."""
    http_socket = _listen(settings.host, settings.http_port, "--http-port")
    metrics_socket = _listen(settings.host, settings.metrics_port, "--metrics-port")
    registry = ModelRegistry(ModelRepository(settings.model_repository), asyncio.get_running_loop())
    engine = Engine(registry)
    metrics = Metrics(CollectorRegistry(), registry.served)
    http = _HttpServer(gateway(engine, metrics, settings.max_body_size), settings.shutdown_timeout)
    metrics_http = _HttpServer(metrics_only(metrics), shutdown_timeout=1)
    await asyncio.to_thread(registry.load_all)
    async with asyncio.TaskGroup() as tasks:
        http_task = tasks.create_task(http.serve([http_socket]))
        tasks.create_task(metrics_http.serve([metrics_socket]))
        await asyncio.gather(http.listening.wait(), metrics_http.listening.wait())
        on_started(Started(_port(http_socket), _port(metrics_socket), engine))
        await stop.wait()
        engine.accepting = False
        http.should_exit = True
        await http_task
        metrics_http.should_exit = True
    await asyncio.to_thread(registry.close)


def stop_on_signals(stop: asyncio.Event) -> None:
    """Ctrl-C and SIGTERM drain; a second one ends the process at once. Call from the main thread's event loop."""
    loop = asyncio.get_running_loop()

    def first(number: signal.Signals) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, first, number)


class _HttpServer(uvicorn.Server):
    """Uvicorn without its own signal handling, which two servers in one process can't both have."""

    def __init__(self, app: FastAPI, shutdown_timeout: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE,
                timeout_graceful_shutdown=shutdown_timeout,
            )
        )
        self.listening = asyncio.Event()

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


def _listen(host: str, port: int, option: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise PortTaken(f"can't listen on {host}:{port} ({error.strerror}); choose another with {option}") from None
    # Connections inherit it. asyncio sets it only for sockets that it made itself, and without it a reply that is
    # written in two parts waits 40 ms for the client's acknowledgement of the first.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _port(listening: socket.socket) -> int:
    port: int = listening.getsockname()[1]
    return port
