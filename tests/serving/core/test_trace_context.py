import pytest

from serving.core.trace_context import TraceContext, trace_context

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_it_is_read_and_written_as_w3c_has_it() -> None:
    found = trace_context(f"00-{TRACE}-{SPAN}-01", "vendor=1")
    assert found == TraceContext(int(TRACE, 16), int(SPAN, 16), True, "vendor=1")
    assert found.header() == f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(("flags", "is_sampled"), [("00", False), ("01", True), ("02", False), ("ff", True)])
def test_the_callers_flag_says_whether_it_is_recorded(flags: str, is_sampled: bool) -> None:
    found = trace_context(f"00-{TRACE}-{SPAN}-{flags}")
    assert found is not None
    assert found.is_sampled is is_sampled


def test_later_versions_may_say_more() -> None:
    assert trace_context(f"01-{TRACE}-{SPAN}-01-more") is not None
    assert trace_context(f"00-{TRACE}-{SPAN}-01-more") is None


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-1",
        f"01-{TRACE}-{SPAN}-01more",
        "x" * 10_000,
    ],
)
def test_what_breaks_the_rules_is_none(header: str) -> None:
    assert trace_context(header) is None


def test_a_state_that_is_too_long_or_unprintable_is_left_out() -> None:
    for state in ("a=" + "b" * 600, "a=\n"):
        found = trace_context(f"00-{TRACE}-{SPAN}-01", state)
        assert found is not None
        assert found.state == ""
