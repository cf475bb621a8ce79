import pytest

from serving.scheduling.step_times import StepTimes


def seconds(rows: int, tokens: int) -> float:
    return (0.005 + 0.001 * rows if rows else 0.0) + (0.002 + 0.0005 * tokens if tokens else 0.0)


def test_what_fits_beside_those_that_write_is_learnt_from_steps_of_all_kinds() -> None:
    times = StepTimes()
    for number in range(200):
        rows, tokens = number % 7, (number % 4) * 50
        times.observe(rows, tokens, seconds(rows, tokens))

    for rows in (1, 4):
        fits = times.tokens_within(0.05, rows)
        assert seconds(rows, fits) == pytest.approx(0.05, rel=0.1)
    assert times.tokens_within(0.006, 4) == 0


def test_until_something_was_read_nothing_is_too_much() -> None:
    times = StepTimes()
    times.observe(4, 0, 0.01)

    assert times.tokens_within(0.05, 4) > 10**6
