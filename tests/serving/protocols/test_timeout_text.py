import pytest

from serving.protocols.timeout_text import seconds_of


@pytest.mark.parametrize(("text", "seconds"), [("250", 0.25), ("1.5", 0.0015), ("1e3", 1.0)])
def test_milliseconds_become_seconds(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "soon", "nan", "inf", "1e13"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert seconds_of(text) is None
