"""What the server logs, in Triton's terms, and how a caller changes that.

Source: Triton's http_server.cc. Rule: all changes of a request apply, or none; a null changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from serving.errors import InvalidInput, Unsupported

FORMATS = ("default", "ISO8601")


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The fields have the protocol's names and order. A `log_verbose_level` of 1 or more adds details for debugging;
    `log_format` "ISO8601" adds the time."""

    log_file: str = ""
    log_info: bool = True
    log_warning: bool = True
    log_error: bool = True
    log_verbose_level: int = 0
    log_format: str = "default"


def updated(settings: LogSettings, changes: Mapping[str, object]) -> LogSettings:
    """Raises `InvalidInput` naming the setting, `Unsupported` for the file."""
    fields: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in LogSettings.__dataclass_fields__:
            known = ", ".join(LogSettings.__dataclass_fields__)
            raise InvalidInput(f"Unknown log setting '{name[:100]}': expected one of {known}")
        if value is not None:
            _check(name, value)
            fields[name] = value
    return replace(settings, **fields)


def _check(name: str, value: object) -> None:
    if name == "log_file":
        raise Unsupported("log file location can not be updated through network protocol")
    if name == "log_verbose_level":
        if type(value) is not int or not 0 <= value < 2**31:
            raise InvalidInput(f"expect int32 >= 0 for '{name}', got: {str(value)[:100]}")
    elif name == "log_format":
        if value not in FORMATS:
            raise InvalidInput(
                f"invalid argument for --log_format, got: {str(value)[:100]}; expected {' or '.join(FORMATS)}"
            )
    elif type(value) is not bool:
        raise InvalidInput(f"expect boolean for '{name}', got: {str(value)[:100]}")
