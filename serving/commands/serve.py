"""`slipway serve`: start a server and say where to look."""

import asyncio
import gc
import logging
import os
import shlex
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serving.commands import places
from serving.commands.backend_config import InvalidBackendConfig, enables_global_threadpool
from serving.commands.banner import say_where_to_look
from serving.commands.cache_config import InvalidCacheConfig, cache_byte_size
from serving.core import remote_address
from serving.errors import ModelLoadFailed
from serving.log import formatter
from serving.settings import Settings

if TYPE_CHECKING:  # the server's imports take a second, which `slipway --help` should not
    from serving.server import Started

_DEFAULTS = Settings(Path(places.DEFAULT))


class ModelControlMode(StrEnum):
    NONE = "none"
    POLL = "poll"
    EXPLICIT = "explicit"


def serve(
    model_repository: Annotated[
        list[str] | None,
        typer.Argument(help=places.HELP),
    ] = None,
    repository_option: Annotated[
        list[str] | None,
        typer.Option(
            "--model-repository", "--model-store", help="The same, as tritonserver takes it; may be repeated."
        ),
    ] = None,
    model_cache: Annotated[
        Path | None,
        typer.Option(
            envvar="SLIPWAY_MODEL_CACHE",
            help="Folder that models from elsewhere are fetched into; unless given, ~/.cache/slipway.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(envvar="SLIPWAY_HOST", help="Address to listen on; 0.0.0.0 for every network.")
    ] = _DEFAULTS.host,
    http_port: Annotated[
        int, typer.Option(envvar="SLIPWAY_HTTP_PORT", min=0, max=65535, help="0 chooses a free one.")
    ] = _DEFAULTS.http_port,
    grpc_port: Annotated[
        int, typer.Option(envvar="SLIPWAY_GRPC_PORT", min=0, max=65535, help="0 chooses a free one.")
    ] = _DEFAULTS.grpc_port,
    metrics_port: Annotated[
        int, typer.Option(envvar="SLIPWAY_METRICS_PORT", min=0, max=65535, help="Prometheus scrapes /metrics here.")
    ] = _DEFAULTS.metrics_port,
    max_body_size: Annotated[
        int, typer.Option(envvar="SLIPWAY_MAX_BODY_SIZE", min=1, help="Largest HTTP request body, in bytes.")
    ] = _DEFAULTS.max_body_size,
    grpc_max_message_size: Annotated[
        int,
        typer.Option(
            envvar="SLIPWAY_GRPC_MAX_MESSAGE_SIZE", min=-1, help="Largest gRPC request, in bytes; -1 for no limit."
        ),
    ] = _DEFAULTS.grpc_max_message_size,
    model_control_mode: Annotated[
        ModelControlMode,
        typer.Option(
            envvar="SLIPWAY_MODEL_CONTROL_MODE",
            help="'none' loads every model at start; 'poll' also follows changes in the folder; 'explicit' lets "
            "requests load and unload models.",
        ),
    ] = ModelControlMode.NONE,
    load_model: Annotated[
        list[str] | None,
        typer.Option(
            envvar="SLIPWAY_LOAD_MODEL",
            help="In explicit mode, a model to load at start; may be repeated; '*': all.",
        ),
    ] = None,
    repository_poll_secs: Annotated[
        float,
        typer.Option(
            envvar="SLIPWAY_REPOSITORY_POLL_SECS",
            min=0,
            help="In poll mode, seconds between looks at everything, for file systems that don't tell; 0: none.",
        ),
    ] = _DEFAULTS.repository_poll_secs,
    strict_readiness: Annotated[
        bool,
        typer.Option(
            "--strict-readiness",
            envvar="SLIPWAY_STRICT_READINESS",
            help="Ready only while every model is, not just the server.",
        ),
    ] = False,
    exit_on_error: Annotated[
        bool,
        typer.Option("--exit-on-error", envvar="SLIPWAY_EXIT_ON_ERROR", help="Don't start if a model can't be loaded."),
    ] = False,
    require_manifest: Annotated[
        bool,
        typer.Option(
            "--require-manifest",
            envvar="SLIPWAY_REQUIRE_MANIFEST",
            help="Serve only versions with a manifest.json that lists all their files.",
        ),
    ] = False,
    allow_shared_memory: Annotated[
        bool,
        typer.Option(
            "--allow-shared-memory",
            "--allow-client-shm",
            envvar="SLIPWAY_ALLOW_SHARED_MEMORY",
            help="Let callers on this machine pass tensors in POSIX shared memory.",
        ),
    ] = False,
    state_file: Annotated[
        Path | None,
        typer.Option(
            envvar="SLIPWAY_STATE_FILE",
            help="Where it is kept which versions served and which were rolled back, for the next start.",
        ),
    ] = None,
    log_verbose: Annotated[
        int, typer.Option(envvar="SLIPWAY_LOG_VERBOSE", min=0, help="1 and more also log details.")
    ] = _DEFAULTS.log_verbose,
    trace_file: Annotated[
        Path | None,
        typer.Option(
            envvar="SLIPWAY_TRACE_FILE", help="Where traced requests are written; they are chosen at /v2/trace/setting."
        ),
    ] = None,
    response_cache_byte_size: Annotated[
        int | None,
        typer.Option(
            envvar="SLIPWAY_RESPONSE_CACHE_BYTE_SIZE",
            min=0,
            help="Memory for the responses of models with response_cache { enable: true }, in bytes; 0 for none.",
        ),
    ] = None,
    backend_config: Annotated[
        list[str] | None,
        typer.Option(
            envvar="SLIPWAY_BACKEND_CONFIG",
            help="'onnxruntime,enable-global-threadpool=1' lets all ONNX models share one thread pool.",
        ),
    ] = None,
    cache_config: Annotated[
        str | None,
        typer.Option(envvar="SLIPWAY_CACHE_CONFIG", help="The same, as tritonserver takes it: local,size=BYTES."),
    ] = None,
    shutdown_timeout: Annotated[
        int, typer.Option(envvar="SLIPWAY_SHUTDOWN_TIMEOUT", min=1, help="Seconds that running requests get to end.")
    ] = _DEFAULTS.shutdown_timeout,
) -> None:
    """Serve the models of a repository over HTTP and gRPC.

    [bold]Examples[/bold]

    [cyan]slipway serve[/cyan]  ./model_repository on port 8000

    [cyan]slipway serve /models --host 0.0.0.0[/cyan]  for other machines, as in a container

    [cyan]slipway serve s3://bucket/models[/cyan]  models that lie elsewhere

    [cyan]slipway serve --http-port 9000 --grpc-port 9001 --metrics-port 9002[/cyan]  other ports

    [cyan]slipway serve --model-control-mode explicit --load-model digits-cnn[/cyan]  one model now, others by request

    [cyan]slipway serve --model-control-mode poll[/cyan]  new versions go live as they are published

    Each option can also be set by the environment variable named beside it. Ctrl-C answers what runs, then stops.
    """
    if load_model and model_control_mode is not ModelControlMode.EXPLICIT:
        raise typer.BadParameter("--load-model needs --model-control-mode explicit; without it every model is loaded")
    if trace_file is not None and not os.access(trace_file.parent, os.W_OK | os.X_OK):
        raise typer.BadParameter(f"--trace-file: nothing can be written into the folder {trace_file.parent}")
    try:
        cache_size = cache_byte_size(response_cache_byte_size, cache_config)
        enable_global_threadpool = enables_global_threadpool(backend_config or [])
    except (InvalidCacheConfig, InvalidBackendConfig) as error:
        raise typer.BadParameter(str(error)) from None
    settings = Settings(
        tuple(map(_checked_repository, places.chosen([*(model_repository or []), *(repository_option or [])]))),
        host=host,
        http_port=http_port,
        grpc_port=grpc_port,
        metrics_port=metrics_port,
        max_body_size=max_body_size,
        grpc_max_message_size=grpc_max_message_size,
        shutdown_timeout=shutdown_timeout,
        model_control_mode=model_control_mode.value,
        load_model=tuple(load_model or ()),
        repository_poll_secs=repository_poll_secs,
        strict_readiness=strict_readiness,
        exit_on_error=exit_on_error,
        require_manifest=require_manifest,
        allow_shared_memory=allow_shared_memory,
        model_cache=model_cache,
        trace_file=trace_file,
        state_file=state_file,
        log_verbose=log_verbose,
        response_cache_byte_size=cache_size,
        enable_global_threadpool=enable_global_threadpool,
    )
    _log_to_stderr()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings))


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
    if (root / "config.pbtxt").exists():
        raise typer.BadParameter(
            f"{root} is the folder of one model, since it has a config.pbtxt; a repository is the folder around it: "
            f"slipway serve {shlex.quote(str(root.absolute().parent))}"
        )
    return root


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(formatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of every form that is none
    for driver in ("aiobotocore", "azure", "botocore", "gcsfs", "s3fs"):  # what goes wrong there is told in our words
        logging.getLogger(driver).setLevel(logging.CRITICAL)


async def _serve(settings: Settings) -> None:
    from serving import server
    from serving.engine.state_file import StateFileUnreadable

    stop = asyncio.Event()
    server.stop_on_signals(stop)

    def on_started(started: "Started") -> None:
        _spare_the_garbage_collector()
        say_where_to_look(settings, started)

    try:
        stopped = await server.serve(settings, on_started, stop)
    except (server.PortTaken, server.ModelsFailed, ModelLoadFailed, StateFileUnreadable) as error:
        typer.secho(f"slipway serve: {error}", fg="red", err=True)
        raise typer.Exit(1) from None
    if stopped.cut_off:
        typer.echo(
            f"Stopped; {stopped.cut_off} requests took longer than {settings.shutdown_timeout} s and were cut off."
        )
    else:
        typer.echo("Stopped; every accepted request was answered.")
    if stopped.still_running:
        typer.echo("A model is still running and can't be interrupted; the process ends without it.")
    sys.stdout.flush()
    # The interpreter would wait for threads that models left behind, and nothing can interrupt a runtime.
    os._exit(1 if stopped.still_running else 0)


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
