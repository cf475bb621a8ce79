"""What is traced and where to: `slipway serve`'s options, Triton's `--trace-config`, OpenTelemetry's environment.

Source: Triton's docs/user_guide/trace.md. Rule: all of it is checked before the server starts; an option goes before
the environment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from serving.core.trace_settings import OPENTELEMETRY, TraceSettings, updated
from serving.errors import SlipwayError
from serving.settings import Tracing

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_BATCHING = {
    "bsp_max_queue_size": "OTEL_BSP_MAX_QUEUE_SIZE",
    "bsp_max_export_batch_size": "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "bsp_schedule_delay": "OTEL_BSP_SCHEDULE_DELAY",
}
_SETTINGS = {
    "": ("mode", "level", "rate", "count"),
    "triton": ("file", "log-frequency"),
    OPENTELEMETRY: ("url", "resource", *_BATCHING),
}


class InvalidTraceConfig(Exception):
    """The text names the option, what was expected and what came."""


@dataclass(frozen=True, slots=True)
class Traces:
    """`file` is where Triton's traces go; None for nowhere."""

    file: Path | None
    tracing: Tracing


@dataclass(slots=True)
class _Given:
    """By mode and setting, in the order in which they came."""

    values: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def all(self, mode: str, setting: str) -> list[str]:
        return self.values.get((mode, setting), [])

    def last(self, mode: str, setting: str) -> str:
        return next(reversed(self.all(mode, setting)), "")


def traces(file: Path | None, endpoint: str | None, config: Sequence[str], environment: Mapping[str, str]) -> Traces:
    """Raises `InvalidTraceConfig`."""
    given = _given(config)
    file = file or (Path(given.last("triton", "file")) if given.last("triton", "file") else None)
    mode, asked = given.last("", "mode"), endpoint or given.last(OPENTELEMETRY, "url")
    if mode not in ("", "triton", OPENTELEMETRY):
        raise InvalidTraceConfig(f"--trace-config mode must be triton or opentelemetry, got '{mode}'")
    if asked and (file is not None or mode == "triton"):
        raise InvalidTraceConfig(
            "traces go either into a file (--trace-file) or to a collector (--otlp-endpoint); leave one of them out"
        )
    is_by_environment = not mode and not asked and file is None and _asks(environment)
    has_spans = mode == OPENTELEMETRY or bool(asked) or is_by_environment
    if not has_spans:
        found = _settings(given, TraceSettings(file=str(file or "")))
        return Traces(file, Tracing(found.mode, found.level, found.rate, found.count, found.log_frequency))
    is_on = asked or is_by_environment  # Triton's own way to say it leaves it off until it is asked for
    found = _settings(given, TraceSettings(("TIMESTAMPS",) if is_on else ("OFF",), mode=OPENTELEMETRY))
    return Traces(
        None,
        Tracing(
            *(found.mode, found.level, found.rate, found.count, found.log_frequency),
            endpoint=_checked(asked) if asked else "",
            resource=tuple(map(_pair, given.all(OPENTELEMETRY, "resource"))),
            batching=tuple(
                (name, given.last(OPENTELEMETRY, setting))
                for setting, name in _BATCHING.items()
                if given.last(OPENTELEMETRY, setting)
            ),
            is_by_environment=is_by_environment,
        ),
    )


def endpoint_variable(environment: Mapping[str, str]) -> str:
    """OpenTelemetry's that names a collector; "" where none does."""
    return next(filter(environment.get, _ENDPOINTS), "")


def _given(config: Sequence[str]) -> _Given:
    given = _Given()
    for entry in config:
        mode, comma, rest = entry.partition(",")
        if not comma or "=" in mode:
            mode, rest = "", entry
        setting, equals, value = rest.partition("=")
        if mode not in _SETTINGS or setting not in _SETTINGS[mode] or not equals or not value:
            raise InvalidTraceConfig(
                f"--trace-config can't be '{entry[:200]}'; expected "
                + ", ".join(f"{f'{of},' if of else ''}{name}=..." for of, names in _SETTINGS.items() for name in names)
            )
        given.values.setdefault((mode, setting), []).append(value)
    return given


def _settings(given: _Given, start: TraceSettings) -> TraceSettings:
    names = {("", "level"): "trace_level", ("", "rate"): "trace_rate", ("", "count"): "trace_count"}
    names[("triton", "log-frequency")] = "log_frequency"
    changes: dict[str, list[str] | None] = {
        name: given.all(*key) if name == "trace_level" else given.all(*key)[-1:] for key, name in names.items()
    }
    try:
        return updated(start, {name: values for name, values in changes.items() if values}, start)
    except SlipwayError as error:
        raise InvalidTraceConfig(f"--trace-config: {error}") from None


def _asks(environment: Mapping[str, str]) -> bool:
    is_off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    is_elsewhere = environment.get("OTEL_TRACES_EXPORTER", "otlp").strip() != "otlp"
    return bool(endpoint_variable(environment)) and not is_off and not is_elsewhere


def _checked(endpoint: str) -> str:
    try:
        parts = urlsplit(endpoint if "://" in endpoint else f"http://{endpoint}")
        has_place = "://" in endpoint or parts.port is not None  # or it may be any word
        is_fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0 and has_place
    except ValueError:
        is_fine = False
    if not is_fine:
        raise InvalidTraceConfig(
            f"--otlp-endpoint must be a collector's address such as http://localhost:4318, got '{endpoint[:200]}'"
        )
    return endpoint


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise InvalidTraceConfig(f"--trace-config opentelemetry,resource must be KEY=VALUE, got '{text[:200]}'")
    return key, value
