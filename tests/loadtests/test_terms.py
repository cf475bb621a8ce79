import pytest

from loadtests import terms
from loadtests.load import Closed, Load, Open
from loadtests.terms import BURST_VARIATION, UnknownTerms, check, header, load


@pytest.mark.parametrize(
    ("rate", "concurrency", "arrivals", "expected"),
    [
        (None, None, "poisson", Closed(1)),
        (None, 8, "poisson", Closed(8)),
        ("200", None, "poisson", Open(200.0)),
        ("0.5", None, "constant", Open(0.5, variation=0.0)),
        ("50..400", None, "bursts", Open(50.0, 400.0, BURST_VARIATION)),
    ],
)
def test_what_was_written_is_a_load(rate: str | None, concurrency: int | None, arrivals: str, expected: Load) -> None:
    assert load(rate, concurrency, arrivals) == expected


@pytest.mark.parametrize(
    ("rate", "concurrency", "arrivals", "word"),
    [
        ("200", 8, "poisson", "exclude"),
        ("fast", None, "poisson", "'fast'"),
        ("-3", None, "poisson", "'-3'"),
        ("nan", None, "poisson", "'nan'"),
        ("5..", None, "poisson", "50..400"),
        ("200", None, "evenly", "poisson, constant, bursts"),
    ],
)
def test_what_can_not_be_meant_is_told(rate: str, concurrency: int | None, arrivals: str, word: str) -> None:
    with pytest.raises(UnknownTerms, match=word):
        load(rate, concurrency, arrivals)


@pytest.mark.parametrize(
    ("load", "replay", "search", "precision", "seconds", "words"),
    [
        (True, True, False, None, 10.0, "--replay has its own times"),
        (True, False, True, None, 10.0, "--slo and --sweep look for rates"),
        (False, False, True, 0.05, 60.0, "--precision ends a single load"),
        (True, False, False, 0.05, 10.0, "as in --seconds 60"),
    ],
)
def test_what_would_be_passed_over_is_told(
    load: bool, replay: bool, search: bool, precision: float | None, seconds: float, words: str
) -> None:
    with pytest.raises(UnknownTerms, match=words):
        check(load, replay, search, precision, seconds)


def test_so_many_requests_have_the_time_that_they_need() -> None:
    assert [terms.seconds(given, None, Closed(1)) for given in (None, 3.0)] == [10, 3]
    assert terms.seconds(None, 1000, Open(10)) > 100
    assert terms.seconds(5.0, 1000, Open(10)) == 5
    assert terms.seconds(None, 1000, Closed(1)) == 600
    with pytest.raises(UnknownTerms, match="give --seconds too"):
        terms.seconds(None, 1000, Open(10, 20))
    with pytest.raises(UnknownTerms, match="--requests ends a single load"):
        check(load=False, replay=True, search=False, precision=None, seconds=10, requests=5)


def test_what_goes_together_is_taken() -> None:
    check(load=True, replay=False, search=False, precision=0.05, seconds=60)
    check(load=False, replay=True, search=True, precision=None, seconds=10)


def test_a_header_is_a_name_and_a_value() -> None:
    assert header("Authorization: Bearer a:b") == ("Authorization", "Bearer a:b")
    for line in ("Bearer", ": x", "A: b\r\nC: d"):
        with pytest.raises(UnknownTerms, match="name and a value"):
            header(line)
