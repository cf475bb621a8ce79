import io
import json
import logging
import re
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from serving import log
from serving.core.log_settings import LogSettings
from serving.core.trace_context import TraceContext
from serving.core.visit import CURRENT, Visit
from serving.errors import InvalidInput
from serving.log import Logging


@dataclass
class Lines:
    """A logger of the test's own, and what it printed since it was last asked."""

    logger: logging.Logger
    stream: io.StringIO

    def of_every_level(self) -> list[str]:
        self.stream.truncate(self.stream.seek(0))
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
            self.logger.log(level, "hello")
        return self.stream.getvalue().splitlines()


@pytest.fixture
def lines() -> Iterator[Lines]:
    logger, stream = logging.getLogger(f"test_log_{uuid.uuid4()}"), io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(log.formatter())
    logger.addHandler(handler)
    yield Lines(logger, stream)
    logger.removeHandler(handler)


def levels(printed: list[str]) -> list[str]:
    return [line.removesuffix(" hello") for line in printed]


def test_by_default_all_but_details_is_logged(lines: Lines) -> None:
    Logging(LogSettings(), lines.logger)
    assert lines.of_every_level() == ["INFO hello", "WARNING hello", "ERROR hello", "CRITICAL hello"]


@pytest.mark.parametrize(
    ("changes", "printed"),
    [
        ({"log_info": False}, ["WARNING", "ERROR", "CRITICAL"]),
        ({"log_warning": False}, ["INFO", "ERROR", "CRITICAL"]),
        ({"log_error": False}, ["INFO", "WARNING"]),
        ({"log_verbose_level": 1}, ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]),
        ({"log_info": False, "log_warning": False, "log_error": False, "log_verbose_level": 2}, ["DEBUG"]),
        ({"log_info": False, "log_warning": False, "log_error": False}, []),
    ],
)
def test_levels_are_switched_one_by_one_and_back(lines: Lines, changes: dict[str, object], printed: list[str]) -> None:
    logs = Logging(LogSettings(), lines.logger)
    logs.update(changes)
    assert levels(lines.of_every_level()) == printed
    logs.update({"log_info": True, "log_warning": True, "log_error": True, "log_verbose_level": 0})
    assert levels(lines.of_every_level()) == ["INFO", "WARNING", "ERROR", "CRITICAL"]


def test_iso8601_adds_the_time(lines: Lines) -> None:
    logs = Logging(LogSettings(log_format="ISO8601"), lines.logger)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z INFO hello", lines.of_every_level()[0])
    logs.update({"log_format": "default"})
    assert lines.of_every_level()[0] == "INFO hello"


def test_a_wrong_change_changes_nothing(lines: Lines) -> None:
    logs = Logging(LogSettings(), lines.logger)
    with pytest.raises(InvalidInput):
        logs.update({"log_info": False, "log_error": 1})
    assert logs.settings == LogSettings()
    assert "INFO hello" in lines.of_every_level()


def test_the_last_settings_of_a_logger_are_those_in_force(lines: Lines) -> None:
    Logging(LogSettings(log_info=False), lines.logger)
    Logging(LogSettings(), lines.logger)
    assert "INFO hello" in lines.of_every_level()


def test_as_json_a_line_is_an_object_whatever_is_in_it() -> None:
    visit = Visit("GET", "/", 0.0, "mine", place=TraceContext(7, 9, True))
    record = logging.LogRecord("other", logging.WARNING, "file", 1, "two\nlines: %s", ('"x"',), None)
    record.visit, record.fields = visit, {"status": 200}
    (line,) = log.formatter(log.LogStyle.JSON).format(record).splitlines()
    found = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", found.pop("time"))
    assert found == {
        "level": "WARNING",
        "logger": "other",
        "message": 'two\nlines: "x"',
        "status": 200,
        "request_id": "mine",
        "trace_id": f"{7:032x}",
        "span_id": f"{9:016x}",
    }
    assert visit.is_logged, "so that its answer names it"


def test_a_line_of_text_ends_with_the_request_that_it_belongs_to(lines: Lines) -> None:
    Logging(LogSettings(), lines.logger)
    CURRENT.set(Visit("GET", "/", 0.0, "mine"))
    try:
        assert lines.of_every_level()[0] == "INFO hello request_id=mine"
    finally:
        CURRENT.set(None)


def test_a_traceback_is_in_its_line() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        record = logging.LogRecord("other", logging.ERROR, "file", 1, "failed", None, sys.exc_info())
    assert json.loads(log.formatter(log.LogStyle.JSON).format(record))["exception"].endswith("ValueError: no")


def test_other_loggers_lines_need_no_time() -> None:
    record = logging.LogRecord("other", logging.INFO, "file", 1, "hello", None, None)
    assert log.formatter().format(record) == "INFO hello"
