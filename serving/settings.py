"""What a person may set when starting a server. Rule: values only; the command line gives them and checks them."""

from dataclasses import dataclass
from pathlib import Path

from serving.access.certificates import Certificates
from serving.access.key_file import KeyFile
from serving.access.keys import Key
from serving.access.restricted import Restriction
from serving.core.model_code import ModelCode


@dataclass(frozen=True, slots=True)
class Tracing:
    """Triton's trace settings, as the server starts with them. In the mode "opentelemetry" spans go to `endpoint`, or
    to where the environment says, with these attributes of their `resource`; `batching` are variables of
    OpenTelemetry's. What is asked for `is_by_environment` alone may be impossible."""

    mode: str = "triton"
    level: tuple[str, ...] = ("OFF",)
    rate: int = 1000
    count: int = -1
    log_frequency: int = 0
    endpoint: str = ""
    resource: tuple[tuple[str, str], ...] = ()
    batching: tuple[tuple[str, str], ...] = ()
    is_by_environment: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """Without `keys` everybody may ask, and only callers on this machine may change the server. Requests that change it
    are answered at the `admin_port` only, where there is one: at `admin_host`, or else at this machine's own address
    where there are no keys. Metrics are at `metrics_host`, "" for where the rest is. With `certificates` HTTP and gRPC
    are encrypted, metrics are not. Pages of `allow_origin` may ask from browsers. The `key_file` of which `keys` are is
    read again when it changes."""

    keys: tuple[Key, ...] = ()
    key_file: KeyFile | None = None
    http_restricted: tuple[Restriction, ...] = ()
    grpc_restricted: tuple[Restriction, ...] = ()
    allow_origin: tuple[str, ...] = ()
    admin_port: int | None = None
    admin_host: str | None = None
    metrics_host: str = ""
    certificates: Certificates | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """A port of 0 lets the system choose a free one; sizes are in bytes, -1 for any size, times in seconds.

    `model_control_mode` is "none", which serves the whole repository; "poll", which also follows its changes, as the
    file system tells them and at a look every `repository_poll_secs` (0: no such look); or "explicit": only what is
    asked for, first the names in `load_model` ("*" for the whole repository), later by request. With `strict_readiness`
    the server is ready only while every loaded model is; with `exit_on_error` it does not start without all of them;
    with `require_manifest` it serves published versions only, and models that are programs as `model_code` says; with
    `require_gpu` it does not start without one. Told to stop with notice it takes requests for `lame_duck_secs` more;
    what then runs has `shutdown_timeout` to end. gRPC has clients connect anew after `grpc_max_connection_age_secs`
    (0: never). Without
    a `trace_file` nothing is traced, with a `response_cache_byte_size` of 0 no response is cached; what was promoted
    and rolled back outlives a restart in a `state_file`. A model repository is a folder or an address
    (s3://bucket/models), whose files are fetched into `model_cache`, or without it into the system's folder for such
    things. With a `model_name` it is a folder or file that may be one model, which has that name then.
    HTTP takes `max_connections`; the head of a request has `header_timeout`, a body or a reply that stands still
    `body_timeout`. Requests hold `queue_byte_size` until they are answered, or a quarter of the memory that there is.
    `record_rate` of all requests (1: all of them) go into a `record_file`, with their bodies or without, until it has
    `record_max_bytes`.
    With `enable_global_threadpool` all ONNX models of the process share one pool of threads, for good. Up to
    `auto_tune_secs` of each load go into measuring how many instances and threads suit the model. With more than one
    of `http_workers` that many processes take HTTP connections, and this one only answers. The share
    `access_log_rate` of requests is logged, and every one that failed; None for none at all. A `web_page` shows the
    models to people who open the server's address. `access` says who may ask what.
    """

    model_repositories: Path | tuple[Path | str, ...]
    host: str = "127.0.0.1"
    http_port: int = 8000
    grpc_port: int = 8001
    metrics_port: int = 8002
    max_body_size: int = 64 * 1024 * 1024
    grpc_max_message_size: int = 64 * 1024 * 1024
    grpc_max_connection_age_secs: float = 0.0
    shutdown_timeout: int = 30
    lame_duck_secs: float = 0.0
    model_control_mode: str = "none"
    load_model: tuple[str, ...] = ()
    repository_poll_secs: float = 15.0
    strict_readiness: bool = False
    exit_on_error: bool = False
    require_manifest: bool = False
    model_code: ModelCode = ModelCode.LOCAL
    require_gpu: bool = False
    allow_shared_memory: bool = False
    model_cache: Path | None = None
    model_name: str | None = None
    trace_file: Path | None = None
    tracing: Tracing = Tracing()
    access_log_rate: float | None = None
    state_file: Path | None = None
    log_verbose: int = 0
    response_cache_byte_size: int = 0
    enable_global_threadpool: bool = False
    auto_tune_secs: float = 3.0
    http_workers: int = 1
    record_file: Path | None = None
    record_rate: float = 0.01
    record_bodies: bool = True
    record_max_bytes: int = 1024**3
    max_connections: int = 8192
    header_timeout: float = 10.0
    body_timeout: float = 30.0
    queue_byte_size: int | None = None
    web_page: bool = True
    access: Access = Access()

    @property
    def places(self) -> tuple[Path | str, ...]:
        repositories = self.model_repositories
        return (repositories,) if isinstance(repositories, Path) else repositories
