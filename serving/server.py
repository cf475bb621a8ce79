"""The composition root: the list of parts, how they start, and the order in which they stop.

Rule: accepted requests are answered before the models that answer them go.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Any

from starlette.types import ASGIApp

from serving.access.gate import Callers
from serving.application import Application, open_application
from serving.descriptors import room_for
from serving.doors import Doors, open_doors
from serving.engine.engine import Engine
from serving.engine.own_thread import in_own_thread
from serving.engine.poller import Poller
from serving.gateways.gateways import Gateways, check_platform
from serving.key_watch import follow_keys
from serving.listening import listen, listen_admin, listen_http, port_of
from serving.loop_delay import LoopDelay
from serving.loop_watchdog import LoopWatchdog
from serving.memory_limit import watch_memory
from serving.recording.recorder import Recorder, Recording
from serving.recording.recording_metrics import RecordingMetrics
from serving.settings import Settings
from serving.stopping import Stop
from serving.traffic_metrics import TrafficMetrics
from serving.transports.grpc.rpc_limits import RpcLimits
from serving.transports.grpc.server import GrpcServer
from serving.transports.http.app import metrics_only
from serving.transports.http.fast_path import FastPath
from serving.transports.http.recorded_app import RecordedApp
from serving.transports.http.recorded_way import RecordedWay
from serving.transports.http.tensor_request import Way
from serving.transports.http.uvicorn_server import HttpServer
from serving.transports.http.watch import ConnectionLimits

log = logging.getLogger("slipway")

_AFTER_GATEWAYS = 1  # seconds that the server's own HTTP has, once gateways had theirs

_LAST = 1  # seconds for what asks for metrics, or changes models, when all else is answered

_FOR_GATEWAYS = 24 * 60 * 60  # seconds that their connections may be idle; whoever hangs up must not be this side


@dataclass(frozen=True, slots=True)
class Started:
    """What a caller may want to know of a server that now takes requests."""

    http_port: int
    grpc_port: int
    metrics_port: int
    admin_port: int | None
    engine: Engine


@dataclass(frozen=True, slots=True)
class Stopped:
    """How it ended: requests `cut_off` for taking too long, and whether a model is `still_running` in its thread. Who
    does not end the process has to `close` what still tells callers that the server is gone."""

    cut_off: int
    still_running: bool
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Parts:
    """What begins, runs and ends. `servers` are those of HTTP, each with where it listens; callers' is the first."""

    application: Application
    callers: Callers
    servers: Sequence[tuple[HttpServer, list[socket.socket]]]
    gateways: Gateways
    grpc: GrpcServer
    started: Started


async def serve(settings: Settings, on_started: Callable[[Started], None], stop: Stop) -> Stopped:
    """Run until a `stop` is asked for, then drain; unless that shall be at once, be a lame duck first: not ready, while
    everything is answered as usual.

    Health answers once the repositories were listed, readiness once every model was tried. Before anything is loaded it
    raises `PortTaken`, `RecordFileUnusable`, `TracingUnavailable`, and `ModelLoadFailed` for a repository that can't be
    read; after that, `ModelsFailed` and `GatewaysFailed`. Where a GPU is required and there is none, `NoCuda`.
    """
    if settings.http_workers > 1:
        check_platform(dir(os), dir(socket))
    if settings.require_gpu:
        await in_own_thread(_check_gpu)
    with ExitStack() as opened:
        parts = await _parts(settings, opened)
        application, grpc = parts.application, parts.grpc
        await grpc.start()
        tasks = [asyncio.create_task(server.serve(places)) for server, places in parts.servers]
        background = [asyncio.create_task(watch_memory(application.held, stop.asked))]
        if (key_file := settings.access.key_file) is not None:
            following = follow_keys(key_file, settings.access.keys, parts.callers, stop.asked)
            background.append(asyncio.create_task(following))
        parts.gateways.start()
        try:
            await application.load(stop.asked)
            await parts.gateways.are_up(stop.asked)
            if not stop.asked.is_set():
                application.engine.accepting = True
                grpc.set_accepting(True)
                await in_own_thread(on_started, parts.started)  # it may look at the repository
            if settings.model_control_mode == "poll":
                roots, sync = application.repository.roots, application.dependencies.sync
                poller = Poller(application.registry, sync, roots, settings.repository_poll_secs)
                background.append(asyncio.create_task(poller.run(stop.asked)))
            await _first(stop.asked.wait(), *tasks, *background)
        except BaseException:
            await grpc.close()
            raise
        finally:
            stopped = await _drain(parts, settings, stop, tasks, background)
    for task in (*tasks, *background):
        task.result()  # raises what ended one of them before its time
    return stopped


async def _drain(
    parts: _Parts,
    settings: Settings,
    stop: Stop,
    tasks: "Sequence[asyncio.Task[None]]",
    background: "Sequence[asyncio.Task[None]]",
) -> Stopped:
    """`tasks` are the servers'."""
    engine, grpc, gateways = parts.application.engine, parts.grpc, parts.gateways
    (http, http_task), *beside = [(server, task) for (server, _), task in zip(parts.servers, tasks, strict=True)]
    was_ready, engine.accepting = engine.accepting, False
    grpc.set_accepting(False)
    if was_ready and stop.asked.is_set() and settings.lame_duck_secs:
        (gateways if settings.http_workers > 1 else http).leave()
        grpc.leave()
        await _first(stop.at_once.wait(), *tasks, timeout=settings.lame_duck_secs)
    stop.asked.set()
    await asyncio.gather(*background, return_exceptions=True)
    parts.application.registry.drain()
    all_cut_off = await asyncio.gather(
        gateways.drain(settings.shutdown_timeout, partial(_end, http, http_task)),
        grpc.stop(settings.shutdown_timeout),
    )
    await asyncio.gather(*(_end(server, task) for server, task in beside))
    cut_off = http.cut_off + sum(all_cut_off)
    ended = await parts.application.close(1.0 if cut_off else settings.shutdown_timeout)
    return Stopped(cut_off, still_running=not ended, close=grpc.close)


async def _parts(settings: Settings, opened: ExitStack) -> _Parts:
    """They listen, and nobody is answered yet; what they hold goes with `opened`."""
    listening = listen_http(settings.host, settings.http_port, settings.http_workers)
    http_sockets = [opened.enter_context(each) for each in listening]
    grpc_socket = opened.enter_context(listen(settings.host, settings.grpc_port, "--grpc-port"))
    metrics_host = settings.access.metrics_host or settings.host
    metrics_socket = opened.enter_context(listen(metrics_host, settings.metrics_port, "--metrics-port"))
    admin_sockets = [opened.enter_context(each) for each in listen_admin(settings.access, settings.host)]
    doors = await in_own_thread(open_doors, settings.access)
    has_gateways = settings.http_workers > 1
    application = await open_application(settings, opened, doors.http, has_gateways, lambda: gateways.needs_restart)
    engine, held, logs = application.engine, application.held, application.logs
    traces, observer = application.observing.traces, application.observing.observer
    usual = FastPath(engine, settings.max_body_size, held, observer)
    app: ASGIApp = application.web
    fast_path: Way = usual
    recorder = await in_own_thread(_recorder, settings)
    if recorder is not None:
        opened.callback(recorder.close)
        application.collectors.register(RecordingMetrics(recorder))
        app, fast_path = RecordedApp(app, recorder), RecordedWay(fast_path, recorder)
    fast_path = doors.fast_path(fast_path)
    limits, certificates = _limits(settings), settings.access.certificates
    http = _http_server(settings, app, fast_path, limits, doors)
    places, largest = http_sockets if has_gateways else (), doors.largest(settings.max_body_size)
    gateways = Gateways(places, http, app, fast_path, largest, limits, certificates)
    metrics = HttpServer(metrics_only(application.metrics), _LAST)
    admin = [(HttpServer(application.behind(doors.admin), _LAST, tls=doors.tls), [each]) for each in admin_sockets]
    servers = [(http, [] if has_gateways else http_sockets), (metrics, [metrics_socket]), *admin]
    regions, offered = application.regions, application.offered
    grpc = GrpcServer(
        engine, regions, traces, logs, offered, _rpc_limits(settings), recorder, held, doors.grpc, observer
    )
    loop_delay = LoopDelay()
    opened.callback(loop_delay.stop)
    opened.callback(LoopWatchdog(loop_delay).stop)
    replies = (application.web.replies, usual.replies)
    application.collectors.register(TrafficMetrics(engine, replies, http, gateways, grpc.calls, loop_delay, held))
    grpc.listen(grpc_socket, doors.grpc_tls)
    admin_port = port_of(admin_sockets[0]) if admin_sockets else None
    http_port, grpc_port, metrics_port = map(port_of, (http_sockets[0], grpc_socket, metrics_socket))
    started = Started(http_port, grpc_port, metrics_port, admin_port, engine)
    return _Parts(application, doors.callers, servers, gateways, grpc, started)


def _rpc_limits(settings: Settings) -> RpcLimits:
    return RpcLimits(
        age=settings.grpc_max_connection_age_secs,
        largest=settings.grpc_max_message_size,
        connections=room_for(settings.max_connections),
    )


def _http_server(
    settings: Settings, app: ASGIApp, fast_path: Way, limits: ConnectionLimits, doors: Doors
) -> HttpServer:
    """Behind gateways it ends after them, and they decide how long a connection is kept."""
    if settings.http_workers > 1:
        return HttpServer(app, _AFTER_GATEWAYS, fast_path, keep_alive=_FOR_GATEWAYS)
    return HttpServer(app, settings.shutdown_timeout, fast_path, limits=limits, tls=doors.tls)


def _limits(settings: Settings) -> ConnectionLimits:
    """Of each process that takes connections."""
    most = room_for(ceil(settings.max_connections / settings.http_workers))
    return ConnectionLimits(most, settings.header_timeout, settings.body_timeout)


def _check_gpu() -> None:
    from serving.backends.ort_gpu import usable_gpus  # ONNX Runtime, which a server without its models need not have

    usable_gpus()


def _recorder(settings: Settings) -> Recorder | None:
    if settings.record_file is None:
        return None
    bodies, most = settings.record_bodies, settings.record_max_bytes
    return Recorder(Recording(settings.record_file, settings.record_rate, bodies, most))


async def _first(
    stopped: Coroutine[Any, Any, Any], *servers: "asyncio.Task[None]", timeout: float | None = None
) -> None:
    """Return when `stopped` does, or a server ends by itself, which has failed and raises its error when awaited."""
    waiting = asyncio.ensure_future(stopped)
    await asyncio.wait([waiting, *servers], timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def _end(server: "HttpServer", task: "asyncio.Task[None]") -> None:
    server.stop()
    await asyncio.wait([task])
