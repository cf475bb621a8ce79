"""What `slipway serve` and `slipway config` can be told, with the words of their help.

Rule: names, words and ranges only, each option once; what they mean together is `chosen_settings`'.
"""

import os
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer
from typer import Argument, Option

from serving.commands import configuration, places
from serving.core.model_code import ModelCode
from serving.log import LogStyle
from serving.settings import Settings

_DEFAULTS = Settings(Path(places.DEFAULT))
_number = partial(Option, metavar="N")
_port = partial(_number, min=0, max=65535)


class ModelControlMode(StrEnum):
    NONE = "none"
    POLL = "poll"
    EXPLICIT = "explicit"


def _read(context: typer.Context, file: Path | None) -> Path | None:
    """What file and environment say is the default of what the command line doesn't."""
    try:
        in_file = configuration.from_file(file, KINDS) if file and not context.resilient_parsing else {}
    except configuration.InvalidConfiguration as error:
        typer.secho(f"slipway {context.info_name}: {error}", fg="red", err=True)
        raise typer.Exit(2) from None
    context.default_map = {**in_file, **configuration.from_environment(os.environ, KINDS)}
    return file


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """As they were chosen, each within its own range. `repositories` are those named without an option's name."""

    repositories: Annotated[list[str] | None, Argument(metavar="model_repository", help=places.HELP)] = None
    config: Annotated[
        Path | None,
        Option(
            "--config",
            envvar=configuration.variable("config"),
            show_envvar=False,
            is_eager=True,
            callback=_read,
            metavar="FILE",
            help="TOML file of options, such as http_port = 9000; flags and environment come before it.",
        ),
    ] = None
    model_repository: Annotated[
        list[str] | None,
        Option("--model-repository", help="The same with its name, as tritonserver takes it; may be repeated."),
    ] = None
    model_cache: Annotated[
        Path | None, Option(help="Folder that models from elsewhere are fetched into; unless given, ~/.cache/slipway.")
    ] = None
    model_name: Annotated[
        str | None, Option(help="The folder may be one model, or a model's file, which has this name then.")
    ] = None
    host: Annotated[str, Option(help="Address to listen on; 0.0.0.0 for every network.")] = _DEFAULTS.host
    http_port: Annotated[int, _port(help="0 chooses a free one.")] = _DEFAULTS.http_port
    http_workers: Annotated[
        int,
        _number(
            help="Processes that take HTTP connections for this one; pays with more than 4 cores and binary tensors.",
            min=1,
        ),
    ] = _DEFAULTS.http_workers
    grpc_port: Annotated[int, _port(help="0 chooses a free one.")] = _DEFAULTS.grpc_port
    metrics_port: Annotated[int, _port(help="Prometheus scrapes /metrics here.")] = _DEFAULTS.metrics_port
    max_body_size: Annotated[int, _number("--max-body-size", help="Largest HTTP request body, in bytes.", min=1)] = (
        _DEFAULTS.max_body_size
    )
    grpc_max_message_size: Annotated[int, _number(help="Largest gRPC request, in bytes; -1 for no limit.", min=-1)] = (
        _DEFAULTS.grpc_max_message_size
    )
    grpc_max_connection_age_secs: Annotated[
        float,
        _number(
            help="Seconds after which gRPC has a client connect anew, and so perhaps elsewhere; 0: never.",
            min=0,
            max=86400,
        ),
    ] = _DEFAULTS.grpc_max_connection_age_secs
    max_connections: Annotated[
        int, _number(help="HTTP connections at once, and as many of gRPC; more are answered 503.", min=1)
    ] = _DEFAULTS.max_connections
    header_timeout: Annotated[
        float, _number(help="Seconds in which the headers of an HTTP request must come.", min=0.1)
    ] = _DEFAULTS.header_timeout
    body_timeout: Annotated[
        float, _number(help="Seconds until a body or a reply that hardly moves is given up.", min=0.1)
    ] = _DEFAULTS.body_timeout
    queue_byte_size: Annotated[
        int | None,
        _number(
            help="Memory that requests may hold until they are answered, in bytes; unless given, a quarter of what the "
            "process may have.",
            min=1,
        ),
    ] = None
    model_control_mode: Annotated[
        ModelControlMode,
        Option(
            help="'none' loads every model at start; 'poll' also follows changes in the folder; 'explicit' lets "
            "requests load and unload models.",
            metavar="MODE",
        ),
    ] = ModelControlMode.NONE
    load_model: Annotated[
        list[str] | None, Option(help="In explicit mode, a model to load at start; may be repeated; '*': all.")
    ] = None
    repository_poll_secs: Annotated[
        float,
        _number(
            help="In poll mode, seconds between looks at everything, for file systems that don't tell; 0: none.", min=0
        ),
    ] = _DEFAULTS.repository_poll_secs
    strict_readiness: Annotated[
        bool, Option("--strict-readiness", help="Ready only while every model is, not just the server.")
    ] = False
    exit_on_error: Annotated[bool, Option("--exit-on-error", help="Don't start if a model can't be loaded.")] = False
    require_manifest: Annotated[
        bool, Option("--require-manifest", help="Serve only versions with a manifest.json that lists all their files.")
    ] = False
    model_code: Annotated[
        ModelCode, Option(help="Models that are programs: of folders ('local'), 'always', or 'never'.", metavar="WHICH")
    ] = _DEFAULTS.model_code
    require_gpu: Annotated[bool, Option("--require-gpu", help="Don't start where no GPU can be used.")] = False
    allow_shared_memory: Annotated[
        bool, Option("--allow-shared-memory", help="Let callers on this machine pass tensors in POSIX shared memory.")
    ] = False
    state_file: Annotated[
        Path | None,
        Option(help="Where it is kept which versions served and which were rolled back, for the next start."),
    ] = None
    log_verbose: Annotated[int, _number(help="1 and more also log details.", min=0)] = _DEFAULTS.log_verbose
    log_style: Annotated[
        LogStyle,
        Option("--log-style", help="'text', or 'json' for an object on each line of the log.", metavar="STYLE"),
    ] = LogStyle.TEXT
    access_log_rate: Annotated[
        float | None,
        _number(
            help="Share of requests that the log has a line for, and every one that failed; 1: all; unless given none.",
            min=0,
            max=1,
        ),
    ] = None
    trace_file: Annotated[
        Path | None, Option(help="Where traced requests are written; they are chosen at /v2/trace/setting.")
    ] = None
    record_file: Annotated[
        Path | None,
        Option(
            help="Where a sample of the requests is written, for `slipway loadtest --replay`; without it nothing is."
        ),
    ] = None
    record_rate: Annotated[float, _number(help="Share of all requests; 1 for all.")] = _DEFAULTS.record_rate
    record_bodies: Annotated[
        bool,
        Option(
            "--record-bodies",
            help="Record what is asked; with --no-record-bodies only its size and its tensors' shapes.",
        ),
    ] = _DEFAULTS.record_bodies
    record_max_bytes: Annotated[int, _number(help="Recording ends when its file would be larger.", min=1)] = (
        _DEFAULTS.record_max_bytes
    )
    otlp_endpoint: Annotated[
        str | None,
        Option(
            help="Where an OpenTelemetry collector takes traces over HTTP: http://localhost:4318. Also as "
            "OTEL_EXPORTER_OTLP_ENDPOINT.",
            metavar="URL",
        ),
    ] = None
    trace_config: Annotated[
        list[str] | None,
        Option(help="As tritonserver takes it: rate=100, level=TIMESTAMPS, opentelemetry,url=URL; may be repeated."),
    ] = None
    response_cache_byte_size: Annotated[
        int | None,
        _number(
            help="Memory for the responses of models with response_cache { enable: true }, in bytes; 0 for none.", min=0
        ),
    ] = None
    backend_config: Annotated[
        list[str] | None,
        Option(help="'onnxruntime,enable-global-threadpool=1' lets all ONNX models share one thread pool."),
    ] = None
    cache_config: Annotated[
        str | None, Option(help="Memory for responses as tritonserver takes it: local,size=BYTES.")
    ] = None
    auto_tune_secs: Annotated[
        float,
        _number(
            help="Seconds for measuring, at a model's first load, how many instances and threads suit it; 0: none.",
            min=0,
        ),
    ] = _DEFAULTS.auto_tune_secs
    web_page: Annotated[
        bool,
        Option(
            "--web-page", help="Show models, their figures and a way to try them at the HTTP address; or --no-web-page."
        ),
    ] = _DEFAULTS.web_page
    api_key: Annotated[
        list[str] | None,
        Option(
            help="A key that callers must show, for inference and metadata; may be repeated. A command line can be "
            "seen, SLIPWAY_API_KEY and --api-key-file can't.",
            metavar="KEY",
        ),
    ] = None
    api_key_file: Annotated[
        Path | None, Option(help="TOML file of keys, as `slipway keys new` writes it.", metavar="FILE")
    ] = None
    admin_port: Annotated[
        int | None,
        _port(
            help="Port for what changes the server, such as loading models, which is then done nowhere else; 0 chooses "
            "a free one."
        ),
    ] = None
    admin_host: Annotated[
        str | None,
        Option(
            help="Address of --admin-port; unless given, --host where there are keys, else 127.0.0.1. Without keys "
            "whoever reaches a given one may change the server."
        ),
    ] = None
    metrics_host: Annotated[str | None, Option(help="Address of --metrics-port; unless given, --host.")] = None
    ssl_certfile: Annotated[
        Path | None, Option(help="Certificate in PEM; HTTP and gRPC are then encrypted.", metavar="FILE")
    ] = None
    ssl_keyfile: Annotated[
        Path | None, Option(help="Its key in PEM, without a password; unless given, in --ssl-certfile.", metavar="FILE")
    ] = None
    ssl_ca_certs: Annotated[
        Path | None,
        Option(help="Authorities in PEM, of which one must have signed each caller's certificate.", metavar="FILE"),
    ] = None
    allow_origin: Annotated[
        list[str] | None,
        Option(help="Origin of pages that may ask from browsers: https://app.example, or '*'; may be repeated."),
    ] = None
    http_restricted_api: Annotated[
        list[str] | None,
        Option(help="As tritonserver takes it: CATEGORY[,CATEGORY]:HEADER=VALUE; may be repeated.", metavar="TEXT"),
    ] = None
    grpc_restricted_protocol: Annotated[
        list[str] | None, Option(help="The same for gRPC: CATEGORY[,CATEGORY]:KEY=VALUE.", metavar="TEXT")
    ] = None
    lame_duck_secs: Annotated[
        float,
        _number(
            help="Seconds that requests are still taken after SIGTERM, while health says not ready.", min=0, max=86400
        ),
    ] = _DEFAULTS.lame_duck_secs
    shutdown_timeout: Annotated[
        int, _number("--shutdown-timeout", help="Seconds that running requests get to end.", min=1)
    ] = _DEFAULTS.shutdown_timeout


def _kind(hint: Any) -> type:
    """Of `hint` and of `hint | None`; folders and choices are text."""
    kind = next(each for each in (*get_args(hint), hint) if each is not type(None))
    return list if kind == list[str] else kind if kind in (bool, int, float) else str


KINDS: configuration.Kinds = {
    name: _kind(hint) for name, hint in get_type_hints(ServeOptions).items() if name not in ("repositories", "config")
}
"""Of all that can be in a file and in the environment."""
