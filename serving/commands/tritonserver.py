"""`tritonserver`'s spelling of options, which people carry over to `slipway serve`.

Source: Triton's src/command_line_parser.cc. Rule: what means the same is taken; what is not there is refused with what
to do instead.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import typer

_BOOLEANS = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}

_SAME = {
    "--allow-client-shm": "--allow-shared-memory",
    "--exit-timeout-secs": "--shutdown-timeout",
    "--metrics-address": "--metrics-host",
    "--http-max-input-size": "--max-body-size",
    "--model-store": "--model-repository",
    "--model_name": "--model-name",  # as KServe's own servers have it
}
_HOST = "HTTP and gRPC have one address here, --host; metrics can have their own, --metrics-host"
_ALWAYS_ON = "HTTP, gRPC and metrics are always on here; leave it out"
_COMPLETED = "a config is always completed from the model's file here; leave it out"
_TLS = "--ssl-certfile FILE and --ssl-keyfile FILE encrypt gRPC and HTTP both"
_MUTUAL = "--ssl-ca-certs FILE wants certificates of gRPC's and HTTP's callers both"
_NO_CLOUD = "SageMaker's and Vertex AI's own paths are not served here; put a proxy in front that maps /v2/models/..."
# By how the option begins; the first that fits.
_INSTEAD: Mapping[str, str] = {
    "--http-address": _HOST,
    "--grpc-address": _HOST,
    "--allow-http": _ALWAYS_ON,
    "--allow-grpc": _ALWAYS_ON,
    "--allow-metrics": _ALWAYS_ON,
    "--allow-gpu-metrics": _ALWAYS_ON,
    "--allow-cpu-metrics": _ALWAYS_ON,
    "--http-thread-count": "HTTP has one thread here; --http-workers N has N processes take its connections",
    "--strict-model-config": _COMPLETED,
    "--disable-auto-complete-config": _COMPLETED,
    "--log-": "details are logged with --log-verbose 1, JSON with --log-style json; other settings of the log are set "
    "by request, POST /v2/logging",
    "--trace-": "say it as --trace-config rate=N, level=TIMESTAMPS or count=N, with --trace-file FILE or "
    "--otlp-endpoint URL; or by request, POST /v2/trace/setting",
    "--grpc-use-ssl-mutual": _MUTUAL,
    "--grpc-use-ssl": _TLS,
    "--grpc-server-": _TLS,
    "--grpc-root-cert": _MUTUAL,
    "--sagemaker-": _NO_CLOUD,
    "--allow-sagemaker": _NO_CLOUD,
    "--vertex-ai-": _NO_CLOUD,
    "--allow-vertex-ai": _NO_CLOUD,
    "--rate-limit": "there is none here; leave it out, and let instance_group's count say how much runs at once",
    **dict.fromkeys(
        (
            "--backend-directory",
            "--buffer-manager-",
            "--cache-directory",
            "--cuda-",
            "--enable-peer-access",
            "--grpc-header-",
            "--grpc-http2-",
            "--grpc-infer-",
            "--grpc-keepalive-",
            "--grpc-max-connection-",
            "--host-policy",
            "--http-header-",
            "--id",
            "--metrics-config",
            "--metrics-interval-ms",
            "--min-supported-",
            "--model-config-name",
            "--model-load-",
            "--model-namespacing",
            "--pinned-memory-",
            "--repoagent-directory",
            "--reuse-",
        ),
        "there is no such setting here; leave it out",
    ),
}


def in_our_words(arg: str) -> str:
    option, equals, value = arg.partition("=")
    return f"{_SAME.get(option, option)}{equals}{value}"


def without_values(args: Sequence[str], switches: Collection[str]) -> list[str]:
    """`--exit-on-error=false` and `--exit-on-error false` as `--no-exit-on-error`; true as the switch alone. Raises
    `BadParameter`.
    """
    plain: list[str] = []
    rest = list(args)
    while rest:
        option, equals, value = rest.pop(0).partition("=")
        if option not in switches:
            plain.append(f"{option}{equals}{value}")
            continue
        if not equals:
            value = rest.pop(0) if rest and rest[0].lower() in _BOOLEANS else "true"
        if value.lower() not in _BOOLEANS:
            raise typer.BadParameter(f"{option} must be true or false, got '{value}'")
        plain.append(option if _BOOLEANS[value.lower()] else off(option))
    return plain


def off(switch: str) -> str:
    return switch.replace("--", "--no-", 1)


def refusal(args: Iterable[str], known: Collection[str]) -> str:
    """Of the first option that only Triton knows, what to do instead; "" where there is none."""
    for arg in args:
        option = arg.partition("=")[0]
        if option not in known:
            for start, advice in _INSTEAD.items():
                if option.startswith(start):
                    return f"{option}: {advice}"
    return ""
