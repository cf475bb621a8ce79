"""Which requests are traced, in Triton's terms, and how a caller changes that.

Source: Triton's tracer.cc and http_server.cc, whose words its clients' tests look for.
Rule: changes are lists of strings as in gRPC, with None or no strings for "as the fallback has it"; all of them apply,
or none.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from serving.errors import InvalidInput, Unsupported

Changes = Mapping[str, list[str] | None]

LEVELS = ("TIMESTAMPS",)
OPENTELEMETRY = "opentelemetry"
"""The mode in which spans are sent to a collector, instead of being written to a file."""

MAX_LOG_FREQUENCY = 10_000  # that many traces wait in memory
_INTEGER = re.compile(r"[+-]?[0-9]{1,30}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """Every `rate`-th request, `count` times or for -1 always, is written to `file`; see `TraceWriter` for
    `log_frequency`. In the mode "opentelemetry" it is sent to a collector instead, and so is every one that a caller
    wants traced; a rate of 0 means only those."""

    level: tuple[str, ...] = ("OFF",)
    rate: int = 1000
    count: int = -1
    log_frequency: int = 0
    file: str = ""
    mode: str = "triton"


def updated(settings: TraceSettings, changes: Changes, fallback: TraceSettings) -> TraceSettings:
    """Raises `InvalidInput` naming the setting, `Unsupported` for the file."""
    fields: dict[str, Any] = {}
    for name, values in changes.items():
        if name == "trace_file":
            raise Unsupported("trace file location can not be updated through network protocol")
        if name not in _SETTINGS:
            raise InvalidInput(f"Unknown trace setting '{name[:100]}': expected one of {', '.join(_SETTINGS)}")
        field, parse = _SETTINGS[name]
        fields[field] = parse(name, values) if values else getattr(fallback, field)
    result = replace(settings, **fields)
    _check(result)
    return result


def to_lists(settings: TraceSettings) -> dict[str, list[str]]:
    """Every setting by Triton's name, in Triton's order; as there, those of the file only where there may be one."""
    of_file = {"log_frequency": [str(settings.log_frequency)], "trace_file": [settings.file]}
    return {
        "trace_level": list(settings.level),
        "trace_rate": [str(settings.rate)],
        "trace_count": [str(settings.count)],
        **({} if settings.mode == OPENTELEMETRY else of_file),
        "trace_mode": [settings.mode],
    }


def _check(settings: TraceSettings) -> None:
    """Settings that can't trace are only fine while tracing is off."""
    if settings.level == ("OFF",) or settings.mode == OPENTELEMETRY:
        return
    if settings.rate == 0:
        raise InvalidInput("Attempting to set invalid trace setting :sample rate must be non-zero")
    if not settings.file:
        raise InvalidInput(
            "Attempting to set invalid trace setting :trace file name is not given; "
            "start the server with it: slipway serve --trace-file FILE, or with --otlp-endpoint URL for OpenTelemetry"
        )


def _levels(name: str, values: list[str]) -> tuple[str, ...]:
    for value in values:
        if value == "TENSORS":
            raise Unsupported("trace level TENSORS is not supported, expected OFF or TIMESTAMPS")
        if value not in ("OFF", *LEVELS):
            raise InvalidInput(f"Unable to parse '{name}', got: {value[:100]}; expected OFF, {', '.join(LEVELS)}")
    if "OFF" not in values:
        return tuple(level for level in LEVELS if level in values)
    if len(values) > 1:
        raise InvalidInput("Expect only one trace level 'OFF' is specified")
    return ("OFF",)


def _unsigned(name: str, values: list[str]) -> int:
    return _in_range(name, _integer(name, values), 0, 2**32 - 1)


def _log_frequency(name: str, values: list[str]) -> int:
    return _in_range(name, _integer(name, values), 0, MAX_LOG_FREQUENCY)


def _count(name: str, values: list[str]) -> int:
    count = _integer(name, values)
    if count < -1:
        raise InvalidInput(f"Unable to parse '{name}'. Expecting value >= -1, got: {count}")
    return _in_range(name, count, -1, 2**31 - 1)


def _integer(name: str, values: list[str]) -> int:
    if len(values) > 1:
        raise InvalidInput(f"expect only 1 value for '{name}'")
    if _INTEGER.fullmatch(values[0]) is None:
        raise InvalidInput(f"Unable to parse '{name}', got: {values[0][:100]}")
    return int(values[0])


def _in_range(name: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise InvalidInput(f"Unable to parse '{name}', value is out of range [ {low}, {high} ], got: {value}")
    return value


_SETTINGS: dict[str, tuple[str, Callable[[str, list[str]], Any]]] = {
    "trace_level": ("level", _levels),
    "trace_rate": ("rate", _unsigned),
    "trace_count": ("count", _count),
    "log_frequency": ("log_frequency", _log_frequency),
}
