import pytest

from loadtests.autoscaling.horizontal import Horizontal, Policy, Rules, of_pods, of_total


@pytest.mark.parametrize(
    ("total", "wanted"),
    [(40, 4), (43.9, 4), (36.1, 4), (45, 5), (35, 4), (30, 3), (0, 0)],
    ids=["on target", "within 10 % above", "within 10 % below", "above", "below, rounded up", "below", "nothing"],
)
def test_keda_divides_the_sum_by_the_target(total: float, wanted: int) -> None:
    assert of_total(total, target=10, current=4) == wanted


def test_hpa_takes_the_mean_of_the_pods() -> None:
    assert of_pods({1: 20.0, 2: 10.0}, missing=0, target=10, current=2) == 3
    assert of_pods({1: 10.5, 2: 10.0}, missing=0, target=10, current=2) == 2
    assert of_pods({}, missing=2, target=10, current=2) is None


def test_hpa_is_careful_with_pods_that_have_no_figures() -> None:
    assert of_pods({1: 30.0, 2: 30.0}, missing=2, target=10, current=4) == 6, "as nothing on the way up"
    assert of_pods({1: 11.5, 2: 11.5}, missing=2, target=10, current=4) == 4, "which turns it round: stay"
    assert of_pods({1: 1.0, 2: 1.0}, missing=2, target=10, current=4) == 3, "as on target on the way down"


AT_ONCE = Rules(down=Policy(0.0, 25, 1, 60.0))


def decided(scaler: Horizontal, *wanted: int | None, current: int, at: float = 0.0) -> int:
    return scaler.decide(wanted, current, at)


def test_up_at_once_and_as_fast_as_the_larger_policy_allows() -> None:
    assert decided(Horizontal(Rules()), 20, current=2) == 6, "4 pods are more than 100 %"
    scaler = Horizontal(Rules(most=25))
    assert decided(scaler, 99, current=10) == 20
    assert decided(scaler, 99, current=20, at=14.0) == 20, "within 15 s that was all"
    assert decided(scaler, 99, current=20, at=15.0) == 25, "never more than the most"


def test_down_only_when_nothing_more_was_wanted_for_five_minutes_and_by_a_quarter_a_minute() -> None:
    scaler = Horizontal(Rules())
    assert decided(scaler, 12, current=12) == 12
    assert decided(scaler, 2, current=12, at=299.0) == 12
    assert decided(scaler, 2, current=12, at=300.0) == 9
    assert decided(scaler, 2, current=9, at=345.0) == 9
    assert decided(scaler, 2, current=9, at=360.0) == 6
    assert decided(Horizontal(AT_ONCE), 0, current=3) == 2, "one is allowed where a quarter is none"


def test_what_is_there_at_first_was_wanted() -> None:
    """Its rates are those of a few seconds in a window of a minute."""
    assert decided(Horizontal(Rules()), 1, current=3) == 3


def test_the_metric_that_wants_most_counts_and_one_without_an_answer_stops_the_way_down() -> None:
    assert decided(Horizontal(Rules()), 3, 5, current=4) == 5
    assert decided(Horizontal(Rules()), None, 5, current=4) == 5
    assert decided(Horizontal(AT_ONCE), 1, 2, current=4) == 3
    assert decided(Horizontal(AT_ONCE), None, 2, current=4) == 4
    assert decided(Horizontal(Rules()), None, current=4) == 4


def test_with_a_window_upwards_the_least_that_was_wanted_counts() -> None:
    scaler = Horizontal(Rules(up=Policy(30.0, 100, 4, 15.0)))
    assert decided(scaler, 2, current=2) == 2
    assert decided(scaler, 5, current=2, at=15.0) == 2
    assert decided(scaler, 5, current=2, at=45.0) == 5
