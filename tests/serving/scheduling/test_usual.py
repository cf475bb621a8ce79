import pytest

from serving.scheduling.usual import Usual


def noted(share: float, values: list[float]) -> Usual:
    usual = Usual(share)
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
