import pytest

from loadtests.autoscaling.horizontal import Rules
from loadtests.autoscaling.replica import Service
from loadtests.autoscaling.scraped import Signal
from loadtests.autoscaling.targets import at_first, targets


def test_requests_in_flight_follow_from_the_rate_and_the_time_in_the_server() -> None:
    """Of one at a time that takes 0.1 s: by Pollaczek and Khinchine 0.5 + 0.5 ** 2 / (2 - 2 * 0.5) at half of it."""
    found = targets(Service(0.1, 0.0, overhead=5.0), capacity=10.0, share=0.5)
    assert found[Signal.PER_SECOND] == 5.0
    assert found[Signal.IN_FLIGHT] == pytest.approx(0.75, rel=0.1)


def test_what_is_asked_at_first_has_its_replicas() -> None:
    arrivals = [number / 100 for number in range(6000)]  # 100 a second for a minute
    assert at_first(arrivals, 30.0, Rules(1, 10)) == 4
    assert at_first(arrivals, 30.0, Rules(1, 3)) == 3
    assert at_first(arrivals, 300.0, Rules(2, 10)) == 2
