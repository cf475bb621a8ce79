import pytest

from serving.core.trace_context import TraceContext
from serving.core.visit import Visit, given_id


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("0af7-6519:cd/43=dd", "0af7-6519:cd/43=dd"),
        ('a\r\nERROR "forged"\x1b[31m', "aERRORforged31m"),
        ("ünï 💥", "n"),
        ("", ""),
        ("x" * 1000, "x" * 128),
    ],
)
def test_of_a_callers_id_only_what_can_do_no_harm_is_kept(text: str, kept: str) -> None:
    assert given_id(text) == kept


def test_the_callers_id_goes_before_the_one_that_was_made() -> None:
    assert Visit("GET", "/", 0.0, made_id="made").id == "made"
    assert Visit("GET", "/", 0.0, "given", made_id="made").id == "given"


def test_it_is_in_its_callers_trace_also_where_nothing_is_recorded() -> None:
    caller = TraceContext(7, 1, is_sampled=False)
    assert (Visit("GET", "/", 0.0).trace_id, Visit("GET", "/", 0.0, caller=caller).trace_id) == (0, 7)
