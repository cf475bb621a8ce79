"""`slipway serve`: start a server and say where to look."""

import asyncio
import gc
import logging
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from serving.commands import places
from serving.commands import serve_options as options
from serving.commands.backend_config import InvalidBackendConfig, enables_global_threadpool
from serving.commands.banner import say_where_to_look
from serving.commands.cache_config import InvalidCacheConfig, cache_byte_size
from serving.commands.serve_options import ModelControlMode
from serving.commands.trace_config import InvalidTraceConfig, traces
from serving.core import remote_address
from serving.errors import ModelLoadFailed
from serving.log import LogStyle, formatter
from serving.settings import Settings
from serving.stopping import Stop, stop_on_signals

if TYPE_CHECKING:  # the server's imports take a second, which `slipway --help` should not
    from serving.server import Started

log = logging.getLogger("slipway")

_DEFAULTS = Settings(Path(places.DEFAULT))


def serve(
    model_repository: options.Repositories = None,
    repository_option: options.RepositoryOption = None,
    model_cache: options.ModelCache = None,
    host: options.Host = _DEFAULTS.host,
    http_port: options.HttpPort = _DEFAULTS.http_port,
    http_workers: options.HttpWorkers = _DEFAULTS.http_workers,
    grpc_port: options.GrpcPort = _DEFAULTS.grpc_port,
    metrics_port: options.MetricsPort = _DEFAULTS.metrics_port,
    max_body_size: options.MaxBodySize = _DEFAULTS.max_body_size,
    grpc_max_message_size: options.GrpcMaxMessageSize = _DEFAULTS.grpc_max_message_size,
    model_control_mode: options.ControlMode = ModelControlMode.NONE,
    load_model: options.LoadModel = None,
    repository_poll_secs: options.RepositoryPollSecs = _DEFAULTS.repository_poll_secs,
    strict_readiness: options.StrictReadiness = False,
    exit_on_error: options.ExitOnError = False,
    require_manifest: options.RequireManifest = False,
    require_gpu: options.RequireGpu = False,
    allow_shared_memory: options.AllowSharedMemory = False,
    state_file: options.StateFile = None,
    log_verbose: options.LogVerbose = _DEFAULTS.log_verbose,
    log_style: options.LogStyleOption = LogStyle.TEXT,
    access_log_rate: options.AccessLogRate = None,
    trace_file: options.TraceFile = None,
    record_file: options.RecordFile = None,
    record_rate: options.RecordRate = _DEFAULTS.record_rate,
    record_bodies: options.RecordBodies = _DEFAULTS.record_bodies,
    record_max_bytes: options.RecordMaxBytes = _DEFAULTS.record_max_bytes,
    otlp_endpoint: options.OtlpEndpoint = None,
    trace_config: options.TraceConfig = None,
    response_cache_byte_size: options.ResponseCacheByteSize = None,
    backend_config: options.BackendConfig = None,
    cache_config: options.CacheConfig = None,
    auto_tune_secs: options.AutoTuneSecs = _DEFAULTS.auto_tune_secs,
    web_page: options.WebPage = _DEFAULTS.web_page,
    lame_duck_secs: options.LameDuckSecs = _DEFAULTS.lame_duck_secs,
    shutdown_timeout: options.ShutdownTimeout = _DEFAULTS.shutdown_timeout,
) -> None:
    """Serve the models of a repository over HTTP and gRPC.

    [bold]Examples[/bold]

    [cyan]slipway serve[/cyan]  ./model_repository on port 8000

    [cyan]slipway serve /models --host 0.0.0.0[/cyan]  for other machines, as in a container

    [cyan]slipway serve s3://bucket/models[/cyan]  models that lie elsewhere

    [cyan]slipway serve --http-port 9000 --grpc-port 9001 --metrics-port 9002[/cyan]  other ports

    [cyan]slipway serve --model-control-mode explicit --load-model digits-cnn[/cyan]  one model now, others by request

    [cyan]slipway serve --model-control-mode poll[/cyan]  new versions go live as they are published

    Each option can also be set by an environment variable, SLIPWAY_ and its name in capitals: SLIPWAY_HTTP_PORT for
    --http-port. Ctrl-C answers what runs, then stops.
    """
    if load_model and model_control_mode is not ModelControlMode.EXPLICIT:
        raise typer.BadParameter("--load-model needs --model-control-mode explicit; without it every model is loaded")
    if not 0 < record_rate <= 1:
        raise typer.BadParameter(
            f"--record-rate must be above 0 and at most 1, the share of all requests; got {record_rate:g}"
        )
    try:
        traced = traces(trace_file, otlp_endpoint, trace_config or [], os.environ)
        cache_size = cache_byte_size(response_cache_byte_size, cache_config)
        enable_global_threadpool = enables_global_threadpool(backend_config or [])
    except (InvalidCacheConfig, InvalidBackendConfig, InvalidTraceConfig) as error:
        raise typer.BadParameter(str(error)) from None
    if traced.file is not None and not os.access(traced.file.parent, os.W_OK | os.X_OK):
        raise typer.BadParameter(f"--trace-file: nothing can be written into the folder {traced.file.parent}")
    settings = Settings(
        tuple(map(_checked_repository, places.chosen([*(model_repository or []), *(repository_option or [])]))),
        host=host,
        http_port=http_port,
        grpc_port=grpc_port,
        metrics_port=metrics_port,
        max_body_size=max_body_size,
        grpc_max_message_size=grpc_max_message_size,
        lame_duck_secs=lame_duck_secs,
        shutdown_timeout=shutdown_timeout,
        model_control_mode=model_control_mode.value,
        load_model=tuple(load_model or ()),
        repository_poll_secs=repository_poll_secs,
        strict_readiness=strict_readiness,
        exit_on_error=exit_on_error,
        require_manifest=require_manifest,
        require_gpu=require_gpu,
        allow_shared_memory=allow_shared_memory,
        model_cache=model_cache,
        trace_file=traced.file,
        tracing=traced.tracing,
        access_log_rate=access_log_rate,
        state_file=state_file,
        log_verbose=log_verbose,
        response_cache_byte_size=cache_size,
        enable_global_threadpool=enable_global_threadpool,
        auto_tune_secs=auto_tune_secs,
        http_workers=http_workers,
        record_file=record_file,
        record_rate=record_rate,
        record_bodies=record_bodies,
        record_max_bytes=record_max_bytes,
        web_page=web_page,
    )
    _log_to_stderr(log_style)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, log_style))


def _checked_repository(place: str) -> Path | str:
    """Checked once it is known which of its names gave it; the default need not be there."""
    if remote_address.is_remote(place):
        try:
            remote_address.parse(place)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
        return place
    root = Path(place.removeprefix("file://"))
    if not root.is_dir():
        what = "is no folder" if root.exists() else "does not exist"
        raise typer.BadParameter(f"the model repository {root} {what}; name another: slipway serve FOLDER")
    if not os.access(root, os.R_OK | os.X_OK):
        raise typer.BadParameter(f"the model repository {root} can't be read")
    if part := places.part_of_repository(root):
        raise typer.BadParameter(
            f"{root} is {part.what}; a repository is the folder around models: "
            f"slipway serve {shlex.quote(str(part.repository))}"
        )
    return root


def _log_to_stderr(style: LogStyle) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(style))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of every form that is none
    for driver in ("aiobotocore", "azure", "botocore", "gcsfs", "s3fs"):  # what goes wrong there is told in our words
        logging.getLogger(driver).setLevel(logging.CRITICAL)


async def _serve(settings: Settings, style: LogStyle) -> None:
    from serving import server
    from serving.backends.cuda_runtime import NoCuda
    from serving.engine.state_file import StateFileUnusable
    from serving.gateways.gateways import GatewaysFailed
    from serving.listening import PortTaken
    from serving.recording.record_file import RecordFileUnusable
    from serving.tracing.otlp import TracingUnavailable

    stop = Stop()
    stop_on_signals(stop)

    say: Callable[[str], object] = typer.echo if style is LogStyle.TEXT else log.info

    def on_started(started: "Started") -> None:
        _spare_the_garbage_collector()
        if style is LogStyle.TEXT:
            say_where_to_look(settings, started)
        else:
            log.info("HTTP is at port %d, gRPC at %d", started.http_port, started.grpc_port)

    failures = (
        *(PortTaken, server.ModelsFailed, GatewaysFailed, ModelLoadFailed, RecordFileUnusable, StateFileUnusable),
        *(NoCuda, TracingUnavailable),
    )
    try:
        stopped = await server.serve(settings, on_started, stop)
    except failures as error:
        _say_why(style, str(error))
        raise typer.Exit(1) from None
    if stopped.cut_off:
        say(f"Stopped; {stopped.cut_off} requests took longer than {settings.shutdown_timeout} s and were cut off.")
    else:
        say("Stopped; every accepted request was answered.")
    if stopped.still_running:
        say("A model is still running and can't be interrupted; the process ends without it.")
    sys.stdout.flush()
    # The interpreter would wait for threads that models left behind, and nothing can interrupt a runtime.
    os._exit(1 if stopped.still_running else 0)


def _say_why(style: LogStyle, why: str) -> None:
    if style is LogStyle.TEXT:
        typer.secho(f"slipway serve: {why}", fg="red", err=True)
    else:
        log.error("the server did not start: %s", why)


def _spare_the_garbage_collector() -> None:
    """What the imports and models left lives as long as the server; looking at it again stalls every request."""
    gc.collect()
    gc.freeze()


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    try:
        import uvloop
    except ModuleNotFoundError:  # Windows
        return None
    return uvloop.Loop
