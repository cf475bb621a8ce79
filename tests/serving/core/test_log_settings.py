import re

import pytest

from serving.core.log_settings import LogSettings, updated
from serving.errors import InvalidInput, Unsupported


def test_every_setting_but_the_file_can_be_changed() -> None:
    changes = {
        "log_info": False,
        "log_warning": False,
        "log_error": False,
        "log_verbose_level": 1,
        "log_format": "ISO8601",
    }
    assert updated(LogSettings(), changes) == LogSettings("", False, False, False, 1, "ISO8601")


def test_what_is_not_named_or_null_stays() -> None:
    settings = LogSettings(log_info=False, log_verbose_level=2)
    changes = {"log_file": None, "log_info": None, "log_warning": False}
    assert updated(settings, changes) == LogSettings(log_info=False, log_warning=False, log_verbose_level=2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"log_info": 1}, "expect boolean for 'log_info', got: 1"),
        ({"log_error": "true"}, "expect boolean for 'log_error', got: true"),
        ({"log_verbose_level": True}, "expect int32 >= 0 for 'log_verbose_level', got: True"),
        ({"log_verbose_level": -1}, "for 'log_verbose_level', got: -1"),
        ({"log_verbose_level": 2**31}, "for 'log_verbose_level', got: 2147483648"),
        ({"log_verbose_level": 1.0}, "for 'log_verbose_level', got: 1.0"),
        ({"log_format": "json"}, "invalid argument for --log_format, got: json; expected default or ISO8601"),
        ({"log_format": ["ISO8601"]}, "invalid argument for --log_format"),
        ({"verbose": 1}, "Unknown log setting 'verbose': expected one of log_file, log_info"),
    ],
)
def test_wrong_settings_are_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(message)):
        updated(LogSettings(), changes)


def test_the_file_is_the_servers_own() -> None:
    with pytest.raises(Unsupported, match="log file location can not be updated through network protocol"):
        updated(LogSettings(), {"log_file": "x.log"})
