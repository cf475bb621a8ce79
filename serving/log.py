"""What the server's logger lets through, and what its lines look like.

Rule: the logger is filtered and the lines' format is the handler's, which whoever starts the process owns.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from serving.core.log_settings import LogSettings, updated
from serving.core.visit import CURRENT, Visit


class Logging:
    """The settings that are in force. `update` may be called in any thread, by one caller at a time."""

    def __init__(self, settings: LogSettings, logger: logging.Logger) -> None:
        self.settings = settings
        self._logger = logger
        apply(settings, logger)

    def __repr__(self) -> str:
        return f"<Logging {self.settings}>"

    def update(self, changes: Mapping[str, object]) -> None:
        """Raises `InvalidInput` and `Unsupported`, and then nothing has changed."""
        self.settings = updated(self.settings, changes)
        apply(self.settings, self._logger)


class LogStyle(StrEnum):
    TEXT = "text"
    JSON = "json"


def formatter(style: LogStyle = LogStyle.TEXT) -> logging.Formatter:
    """For the handler that prints the logger's lines; in text those of other loggers have no time."""
    return _Json() if style is LogStyle.JSON else _Text("%(time)s%(levelname)s %(message)s", defaults={"time": ""})


def apply(settings: LogSettings, logger: logging.Logger) -> None:
    """From now on; what an earlier call set is forgotten."""
    for earlier in [switches for switches in logger.filters if isinstance(switches, _Switches)]:
        logger.removeFilter(earlier)
    logger.addFilter(_Switches(settings))
    logger.setLevel(logging.DEBUG if settings.log_verbose_level >= 1 else logging.INFO)


@dataclass(frozen=True, slots=True)
class _Switches:
    """A filter of `logging`, which also gives records the time that `formatter` prints."""

    settings: LogSettings

    def filter(self, record: logging.LogRecord) -> bool:
        record.time = _iso8601(record.created) if self.settings.log_format == "ISO8601" else ""
        if record.levelno >= logging.ERROR:
            return self.settings.log_error
        if record.levelno >= logging.WARNING:
            return self.settings.log_warning
        return self.settings.log_info or record.levelno < logging.INFO


class _Text(logging.Formatter):
    """A line that belongs to a request ends with its id."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 # the name that `logging` calls
        visit = _visit(record)
        if visit is None:
            return super().formatMessage(record)
        trace = f" trace_id={visit.trace_id:032x}" if visit.trace_id else ""
        return f"{super().formatMessage(record)} request_id={visit.id}{trace}"


class _Json(logging.Formatter):
    """One object to a line, whatever is in it."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _iso8601(record.created).strip(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        visit = _visit(record)
        if visit is not None:
            line["request_id"] = visit.id
        if visit is not None and visit.trace_id:
            line["trace_id"] = f"{visit.trace_id:032x}"
        if visit is not None and visit.place is not None:
            line["span_id"] = f"{visit.place.span_id:016x}"
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _visit(record: logging.LogRecord) -> Visit | None:
    """The one that the line belongs to, which is noted there."""
    visit: Visit | None = getattr(record, "visit", None) or CURRENT.get()
    if visit is not None:
        visit.is_logged = True
    return visit


def _iso8601(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ ")
