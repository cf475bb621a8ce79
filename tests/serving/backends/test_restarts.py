import signal

import pytest

from serving.backends.restarts import LONGEST, Restarts, how_it_ended


def delays(*lived: float) -> list[float]:
    restarts, found = Restarts(), []
    for seconds in lived:
        restarts = restarts.after(seconds)
        found.append(restarts.delay)
    return found


def test_the_first_start_and_the_first_one_again_are_at_once() -> None:
    assert Restarts().delay == 0
    assert delays(1000) == delays(0.1) == [0]


def test_one_that_ends_soon_again_and_again_waits_twice_as_long_each_time_up_to_a_limit() -> None:
    assert delays(*[0.1] * 9) == [0, 0.5, 1, 2, 4, 8, 16, LONGEST, LONGEST]
    assert delays(*[0.1] * 2000)[-1] == LONGEST


def test_a_long_life_makes_up_for_what_was_before() -> None:
    assert delays(0.1, 0.1, 0.1, 3600, 0.1) == [0, 0.5, 1, 0, 0.5]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "ended by itself (exit code 0)"),
        (3, "ended by itself (exit code 3)"),
        (-signal.SIGKILL, "was killed (SIGKILL), perhaps for want of memory"),
        (-signal.SIGSEGV, "crashed (SIGSEGV)"),
        (-signal.SIGABRT, "crashed (SIGABRT)"),
        (-signal.SIGBUS, "crashed (SIGBUS)"),
        (-signal.SIGTERM, "was ended by a signal (SIGTERM)"),
        (-40, "was ended by signal 40"),
    ],
)
def test_how_a_process_ended_is_said_in_words(code: int, words: str) -> None:
    assert how_it_ended(code) == words
