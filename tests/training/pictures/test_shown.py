import numpy as np

from training.pictures.shown import side_by_side

DARK, LIGHT = np.zeros((1, 2, 2)), np.full((1, 2, 2), 255.0)


def test_light_is_dense_and_pictures_stand_side_by_side() -> None:
    assert list(side_by_side([LIGHT, DARK, LIGHT])) == ["████" + " " * 8 + "████"] * 2 + [""]


def test_colours_are_as_light_as_they_are_together() -> None:
    red = np.zeros((3, 1, 1))
    red[0] = 255
    assert list(side_by_side([red])) == ["░░", ""]


def test_what_has_no_room_goes_below_twice_at_most_and_what_is_too_wide_nowhere() -> None:
    wide = np.full((1, 3, 40), 255)
    assert list(side_by_side([wide] * 5)) == [*["█" * 80] * 3, ""] * 2
    assert list(side_by_side([np.zeros((1, 50, 50))])) == []
