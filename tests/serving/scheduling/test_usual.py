import pytest

from serving.scheduling.usual import Usual, of_share, worth_planning_for


def noted(share: float, values: list[float]) -> Usual:
    usual = Usual(of_share(share))
    for value in values:
        usual.note(value)
    return usual


def test_nothing_is_usual_before_a_few_were_seen() -> None:
    assert noted(0.9, [5.0] * 7).value == 0
    assert noted(0.9, [5.0] * 8).value == 5


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.9, 90), (0.99, 99), (1.0, 100)])
def test_the_share_that_is_asked_for_is_at_most_the_value(share: float, value: float) -> None:
    values = [float(number) for number in range(1, 101)]
    assert noted(share, values[:96] + [97.0] * 8).value == pytest.approx(min(value, 97), abs=5)


def test_what_was_long_ago_is_forgotten() -> None:
    usual = noted(0.99, [100.0] * 50 + [1.0] * 144)
    assert (usual.value, len(usual)) == (1, 128)


def test_noise_is_planned_for_and_stalls_are_not_unless_there_are_many() -> None:
    noise = [0.9 + number / 500 for number in range(100)]  # up to 1.098
    assert worth_planning_for(noise) == pytest.approx(1.096)
    assert worth_planning_for([*noise[:97], 2.0, 2.5, 3.0]) == pytest.approx(noise[96])
    assert worth_planning_for([*noise[:70], *[1.8] * 30]) == 1.8


def test_quicker_than_expected_is_no_reason_to_plan_for_less() -> None:
    assert worth_planning_for([0.1] * 80 + [0.9] * 20) == 0.9
