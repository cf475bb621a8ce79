import pytest

from loadtests.autoscaling.replica import Service
from loadtests.autoscaling.scraped import Signal
from loadtests.autoscaling.targets import targets


def test_requests_in_flight_follow_from_the_rate_and_the_time_in_the_server() -> None:
    """Of one at a time that takes 0.1 s: by Pollaczek and Khinchine 0.5 + 0.5 ** 2 / (2 - 2 * 0.5) at half of it."""
    found = targets(Service(0.1, 0.0, overhead=5.0), capacity=10.0, share=0.5)
    assert found[Signal.PER_SECOND] == 5.0
    assert found[Signal.IN_FLIGHT] == pytest.approx(0.75, rel=0.1)
