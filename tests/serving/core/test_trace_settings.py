import re

import pytest

from serving.core.trace_settings import Changes, TraceSettings, to_lists, updated
from serving.errors import InvalidInput, Unsupported

STARTED = TraceSettings(file="trace.json")


def test_the_defaults_are_tritons() -> None:
    assert to_lists(TraceSettings()) == {
        "trace_level": ["OFF"],
        "trace_rate": ["1000"],
        "trace_count": ["-1"],
        "log_frequency": ["0"],
        "trace_file": [""],
        "trace_mode": ["triton"],
    }


def test_every_setting_can_be_changed() -> None:
    changes: Changes = {
        "trace_level": ["TIMESTAMPS"],
        "trace_rate": ["1"],
        "trace_count": ["7"],
        "log_frequency": ["34"],
    }
    assert updated(STARTED, changes, STARTED) == TraceSettings(
        level=("TIMESTAMPS",), rate=1, count=7, log_frequency=34, file="trace.json"
    )


def test_what_is_not_changed_stays() -> None:
    settings = TraceSettings(level=("TIMESTAMPS",), rate=5, count=7, log_frequency=1, file="f")
    assert updated(settings, {}, STARTED) == settings
    assert updated(settings, {"trace_rate": ["6"]}, STARTED).count == 7


@pytest.mark.parametrize("cleared", [None, []])
def test_clearing_goes_back_to_the_fallback(cleared: list[str] | None) -> None:
    settings = TraceSettings(level=("TIMESTAMPS",), rate=5, count=7, log_frequency=1, file="trace.json")
    names = ("trace_level", "trace_rate", "trace_count", "log_frequency")
    assert updated(settings, dict.fromkeys(names, cleared), STARTED) == STARTED


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trace_rate": ["x"]}, "Unable to parse 'trace_rate', got: x"),
        ({"trace_rate": ["1.5"]}, "Unable to parse 'trace_rate', got: 1.5"),
        ({"trace_rate": [""]}, "Unable to parse 'trace_rate', got: "),
        ({"trace_rate": ["9" * 5000]}, "Unable to parse 'trace_rate', got: 999"),
        ({"trace_rate": ["10000000000"]}, "Unable to parse 'trace_rate', value is out of range [ 0, 4294967295 ]"),
        ({"trace_rate": ["-1"]}, "Unable to parse 'trace_rate', value is out of range"),
        ({"log_frequency": ["10000000000"]}, "Unable to parse 'log_frequency', value is out of range"),
        ({"trace_count": ["-2"]}, "Unable to parse 'trace_count'. Expecting value >= -1, got: -2"),
        ({"trace_count": ["10000000000"]}, "'trace_count', value is out of range [ -1, 2147483647 ]"),
        ({"trace_count": ["1", "2"]}, "expect only 1 value for 'trace_count'"),
        ({"trace_level": ["OFF", "TIMESTAMPS"]}, "Expect only one trace level 'OFF' is specified"),
        ({"trace_level": ["MAX"]}, "Unable to parse 'trace_level', got: MAX; expected OFF, TIMESTAMPS"),
        ({"trace_mode": ["opentelemetry"]}, "Unknown trace setting 'trace_mode'"),
        ({"rate": ["1"]}, "Unknown trace setting 'rate': expected one of trace_level, trace_rate"),
        ({"trace_level": ["TIMESTAMPS"], "trace_rate": ["0"]}, "invalid trace setting :sample rate must be non-zero"),
    ],
)
def test_wrong_settings_are_named(changes: Changes, message: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(message)):
        updated(STARTED, changes, STARTED)


def test_without_a_file_tracing_stays_off() -> None:
    with pytest.raises(InvalidInput, match="invalid trace setting :trace file name is not given"):
        updated(TraceSettings(), {"trace_level": ["TIMESTAMPS"]}, TraceSettings())


def test_tensors_are_not_traced() -> None:
    with pytest.raises(Unsupported, match="trace level TENSORS is not supported"):
        updated(STARTED, {"trace_level": ["TIMESTAMPS", "TENSORS"]}, STARTED)


def test_a_rate_of_0_is_fine_while_tracing_is_off() -> None:
    assert updated(STARTED, {"trace_rate": ["0"]}, STARTED).rate == 0


@pytest.mark.parametrize("value", [["model.log"], [], None])
def test_the_file_is_the_servers_own(value: list[str] | None) -> None:
    with pytest.raises(Unsupported, match="trace file location can not be updated through network protocol"):
        updated(STARTED, {"trace_file": value}, STARTED)
