import pytest

from loadtests.benchmarks import autoscaling
from loadtests.load import Open, Phased


def test_every_case_has_its_traffic_and_can_be_played() -> None:
    traffic = autoscaling.traffic(10.0)
    assert {case.traffic for case in autoscaling.CASES} == traffic.keys()
    assert all((case.traffic, case.name) for case in autoscaling.CASES)
    shown = (*autoscaling._SHOWN, *autoscaling._SHOWN_WORSE)
    assert set(shown) <= {(case.traffic, case.name) for case in autoscaling.CASES}
    _, found = autoscaling.played(autoscaling.CASES[0], Phased(((30, Open(50)),)), capacity=100.0)
    assert found.within == pytest.approx(1.0, abs=0.01)
