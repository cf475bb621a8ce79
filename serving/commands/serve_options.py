"""What `slipway serve` can be told, with the words of its help and each option's environment variable.

Rule: names, words and ranges only; what options mean together is `serve`'s.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from serving.commands import places
from serving.log import LogStyle


class ModelControlMode(StrEnum):
    NONE = "none"
    POLL = "poll"
    EXPLICIT = "explicit"


Repositories = Annotated[list[str] | None, Argument(help=places.HELP)]
RepositoryOption = Annotated[
    list[str] | None,
    Option("--model-repository", help="The same, as tritonserver takes it; may be repeated."),
]
ModelCache = Annotated[
    Path | None,
    Option(
        envvar="SLIPWAY_MODEL_CACHE",
        show_envvar=False,
        help="Folder that models from elsewhere are fetched into; unless given, ~/.cache/slipway.",
    ),
]
Host = Annotated[
    str, Option(envvar="SLIPWAY_HOST", show_envvar=False, help="Address to listen on; 0.0.0.0 for every network.")
]
HttpPort = Annotated[
    int,
    Option(envvar="SLIPWAY_HTTP_PORT", show_envvar=False, metavar="N", min=0, max=65535, help="0 chooses a free one."),
]
HttpWorkers = Annotated[
    int,
    Option(
        envvar="SLIPWAY_HTTP_WORKERS",
        show_envvar=False,
        metavar="N",
        min=1,
        help="Processes that take HTTP connections for this one; pays with more than 4 cores and binary tensors.",
    ),
]
GrpcPort = Annotated[
    int,
    Option(envvar="SLIPWAY_GRPC_PORT", show_envvar=False, metavar="N", min=0, max=65535, help="0 chooses a free one."),
]
MetricsPort = Annotated[
    int,
    Option(
        envvar="SLIPWAY_METRICS_PORT",
        show_envvar=False,
        metavar="N",
        min=0,
        max=65535,
        help="Prometheus scrapes /metrics here.",
    ),
]
MaxBodySize = Annotated[
    int,
    Option(
        "--max-body-size",
        envvar="SLIPWAY_MAX_BODY_SIZE",
        show_envvar=False,
        metavar="N",
        min=1,
        help="Largest HTTP request body, in bytes.",
    ),
]
GrpcMaxMessageSize = Annotated[
    int,
    Option(
        envvar="SLIPWAY_GRPC_MAX_MESSAGE_SIZE",
        show_envvar=False,
        metavar="N",
        min=-1,
        help="Largest gRPC request, in bytes; -1 for no limit.",
    ),
]
ControlMode = Annotated[
    ModelControlMode,
    Option(
        metavar="MODE",
        envvar="SLIPWAY_MODEL_CONTROL_MODE",
        show_envvar=False,
        help="'none' loads every model at start; 'poll' also follows changes in the folder; 'explicit' lets requests "
        "load and unload models.",
    ),
]
LoadModel = Annotated[
    list[str] | None,
    Option(
        envvar="SLIPWAY_LOAD_MODEL",
        show_envvar=False,
        help="In explicit mode, a model to load at start; may be repeated; '*': all.",
    ),
]
RepositoryPollSecs = Annotated[
    float,
    Option(
        envvar="SLIPWAY_REPOSITORY_POLL_SECS",
        show_envvar=False,
        metavar="N",
        min=0,
        help="In poll mode, seconds between looks at everything, for file systems that don't tell; 0: none.",
    ),
]
StrictReadiness = Annotated[
    bool,
    Option(
        "--strict-readiness",
        envvar="SLIPWAY_STRICT_READINESS",
        show_envvar=False,
        help="Ready only while every model is, not just the server.",
    ),
]
ExitOnError = Annotated[
    bool,
    Option(
        "--exit-on-error",
        envvar="SLIPWAY_EXIT_ON_ERROR",
        show_envvar=False,
        help="Don't start if a model can't be loaded.",
    ),
]
RequireManifest = Annotated[
    bool,
    Option(
        "--require-manifest",
        envvar="SLIPWAY_REQUIRE_MANIFEST",
        show_envvar=False,
        help="Serve only versions with a manifest.json that lists all their files.",
    ),
]
AllowSharedMemory = Annotated[
    bool,
    Option(
        "--allow-shared-memory",
        envvar="SLIPWAY_ALLOW_SHARED_MEMORY",
        show_envvar=False,
        help="Let callers on this machine pass tensors in POSIX shared memory.",
    ),
]
StateFile = Annotated[
    Path | None,
    Option(
        envvar="SLIPWAY_STATE_FILE",
        show_envvar=False,
        help="Where it is kept which versions served and which were rolled back, for the next start.",
    ),
]
LogVerbose = Annotated[
    int,
    Option(envvar="SLIPWAY_LOG_VERBOSE", show_envvar=False, metavar="N", min=0, help="1 and more also log details."),
]
TraceFile = Annotated[
    Path | None,
    Option(
        envvar="SLIPWAY_TRACE_FILE",
        show_envvar=False,
        help="Where traced requests are written; they are chosen at /v2/trace/setting.",
    ),
]
RecordFile = Annotated[
    Path | None,
    Option(
        envvar="SLIPWAY_RECORD_FILE",
        show_envvar=False,
        help="Where a sample of the requests is written, for `slipway loadtest --replay`; without it nothing is.",
    ),
]
RecordRate = Annotated[
    float,
    Option(envvar="SLIPWAY_RECORD_RATE", show_envvar=False, metavar="N", help="Share of all requests; 1 for all."),
]
RecordBodies = Annotated[
    bool,
    Option(
        "--record-bodies",
        envvar="SLIPWAY_RECORD_BODIES",
        show_envvar=False,
        help="Record what is asked; with --no-record-bodies only its size and its tensors' shapes.",
    ),
]
RecordMaxBytes = Annotated[
    int,
    Option(
        envvar="SLIPWAY_RECORD_MAX_BYTES",
        show_envvar=False,
        metavar="N",
        min=1,
        help="Recording ends when its file would be larger.",
    ),
]
OtlpEndpoint = Annotated[
    str | None,
    Option(
        envvar="SLIPWAY_OTLP_ENDPOINT",
        show_envvar=False,
        metavar="URL",
        help="Where an OpenTelemetry collector takes traces over HTTP: http://localhost:4318. Also as "
        "OTEL_EXPORTER_OTLP_ENDPOINT.",
    ),
]
TraceConfig = Annotated[
    list[str] | None,
    Option(
        envvar="SLIPWAY_TRACE_CONFIG",
        show_envvar=False,
        help="As tritonserver takes it: rate=100, level=TIMESTAMPS, opentelemetry,url=URL; may be repeated.",
    ),
]
LogStyleOption = Annotated[
    LogStyle,
    Option(
        "--log-style",
        envvar="SLIPWAY_LOG_STYLE",
        show_envvar=False,
        metavar="STYLE",
        help="'text', or 'json' for an object on each line of the log.",
    ),
]
AccessLogRate = Annotated[
    float | None,
    Option(
        envvar="SLIPWAY_ACCESS_LOG_RATE",
        show_envvar=False,
        metavar="N",
        min=0,
        max=1,
        help="The share of requests that the log has a line for, and every one that failed; 1: all. Without it, none.",
    ),
]
ResponseCacheByteSize = Annotated[
    int | None,
    Option(
        envvar="SLIPWAY_RESPONSE_CACHE_BYTE_SIZE",
        show_envvar=False,
        metavar="N",
        min=0,
        help="Memory for the responses of models with response_cache { enable: true }, in bytes; 0 for none.",
    ),
]
BackendConfig = Annotated[
    list[str] | None,
    Option(
        envvar="SLIPWAY_BACKEND_CONFIG",
        show_envvar=False,
        help="'onnxruntime,enable-global-threadpool=1' lets all ONNX models share one thread pool.",
    ),
]
AutoTuneSecs = Annotated[
    float,
    Option(
        envvar="SLIPWAY_AUTO_TUNE_SECS",
        min=0,
        metavar="N",
        help="Seconds for measuring, at a model's first load, how many instances and threads suit it; 0: none.",
    ),
]
CacheConfig = Annotated[
    str | None,
    Option(
        envvar="SLIPWAY_CACHE_CONFIG", show_envvar=False, help="The same, as tritonserver takes it: local,size=BYTES."
    ),
]
WebPage = Annotated[
    bool,
    Option(
        "--web-page",
        envvar="SLIPWAY_WEB_PAGE",
        show_envvar=False,
        help="Show models, their figures and a way to try them at the HTTP address; or --no-web-page.",
    ),
]
LameDuckSecs = Annotated[
    float,
    Option(
        envvar="SLIPWAY_LAME_DUCK_SECS",
        show_envvar=False,
        metavar="N",
        min=0,
        help="Seconds that requests are still taken after SIGTERM, while health says not ready.",
    ),
]
RequireGpu = Annotated[
    bool,
    Option(
        "--require-gpu", envvar="SLIPWAY_REQUIRE_GPU", show_envvar=False, help="Don't start where no GPU can be used."
    ),
]
ShutdownTimeout = Annotated[
    int,
    Option(
        "--shutdown-timeout",
        envvar="SLIPWAY_SHUTDOWN_TIMEOUT",
        show_envvar=False,
        metavar="N",
        min=1,
        help="Seconds that running requests get to end.",
    ),
]
