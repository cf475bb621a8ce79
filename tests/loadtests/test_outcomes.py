import pytest

from loadtests.outcomes import NO_ANSWER, NOT_SENT, TIMED_OUT, Fate, fate


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Fate.ANSWERED),
        (204, Fate.ANSWERED),
        (400, Fate.FAILED),
        (429, Fate.REFUSED),
        (500, Fate.FAILED),
        (503, Fate.REFUSED),
        (504, Fate.LATE),
        (NO_ANSWER, Fate.LOST),
        (TIMED_OUT, Fate.LATE),
        (NOT_SENT, Fate.UNSENT),
    ],
)
def test_a_status_says_what_became_of_a_request(status: int, expected: Fate) -> None:
    assert fate(status) is expected
