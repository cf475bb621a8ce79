"""What the server's logger lets through, and what its lines look like.

Rule: the logger is filtered and the lines' format is the handler's, which whoever starts the process owns.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from serving.core.log_settings import LogSettings, updated


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


def formatter() -> logging.Formatter:
    """For the handler that prints the logger's lines; those of other loggers have no time."""
    return logging.Formatter("%(time)s%(levelname)s %(message)s", defaults={"time": ""})


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


def _iso8601(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ ")
