import pytest

from loadtests.autoscaling.replica import Counters
from loadtests.autoscaling.scraped import Sample, Signal, rate, value


def steady(per_second: float, *times: float) -> list[tuple[float, float]]:
    return [(at, 100 + per_second * at) for at in times]


def test_a_steady_rise_is_its_rate_wherever_the_scrapes_fall() -> None:
    assert rate(steady(3.0, 47, 62, 77, 92), window=60, now=100) == pytest.approx(3.0)
    assert rate(steady(3.0, 45, 60, 75, 90), window=60, now=100) == pytest.approx(3.0)


def test_a_gap_longer_than_between_scrapes_is_filled_by_half_of_one() -> None:
    """As where a replica is new: Prometheus guesses that it was not there before."""
    found = rate(steady(3.0, 80, 90, 100), window=60, now=100)
    assert found == pytest.approx(3.0 * (20 + 5) / 60)


def test_one_sample_has_no_rate() -> None:
    assert rate(steady(3.0, 90), window=60, now=100) is None


def test_a_counter_was_never_below_zero() -> None:
    found = rate([(90.0, 1.0), (100.0, 101.0)], window=19, now=100)
    assert found == pytest.approx(100 * (10 + 0.1) / 10 / 19)


def test_signals_are_read_from_counters() -> None:
    samples = [
        Sample(at, Counters(seconds=4 * at, answered=int(10 * at), refused=int(at), busy=0.5 * at, waiting=7))
        for at in (40.0, 55.0, 70.0, 85.0, 100.0)
    ]
    expected = {Signal.IN_FLIGHT: 4.0, Signal.PER_SECOND: 11.0, Signal.BUSY: 0.5, Signal.WAITING: 7.0}
    assert {signal: value(signal, samples, 60, 100) for signal in Signal} == pytest.approx(expected)
    assert value(Signal.WAITING, samples, 60, 500) is None, "who was not scraped for five minutes is gone"
