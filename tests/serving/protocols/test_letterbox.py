import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.protocols.letterbox import Letterbox, letterbox

SIDES = st.integers(1, 5000)


@pytest.mark.parametrize(
    ("picture", "size", "corner"),
    [
        ((64, 64), (64, 64), (0, 0)),
        ((128, 64), (64, 32), (0, 16)),
        ((64, 128), (32, 64), (16, 0)),
        ((16, 8), (64, 32), (0, 16)),
        ((5000, 1), (64, 1), (0, 31)),
    ],
)
def test_the_whole_picture_is_in_the_middle_in_proportion(
    picture: tuple[int, int], size: tuple[int, int], corner: tuple[int, int]
) -> None:
    assert letterbox(picture, (64, 64)) == Letterbox(picture, size, corner)


def test_a_box_lies_where_its_pixels_lie() -> None:
    place = letterbox((128, 64), (64, 64))
    assert place.into_frame(np.array([[0, 0, 128, 64], [64, 0, 128, 32]])).tolist() == [
        [0, 16, 64, 48],
        [32, 16, 64, 32],
    ]
    assert place.into_picture(np.array([[32.0, 16, 64, 32]])).tolist() == [[64, 0, 128, 32]]


def test_what_is_beside_the_picture_is_cut_off() -> None:
    place = letterbox((128, 64), (64, 64))
    assert place.into_picture(np.array([-5.0, 0, 70, 20])).tolist() == [0, 0, 128, 8]
    assert place.into_picture(np.array([10.0, 50, 20, 60])).tolist() == [20, 64, 40, 64]


@given(SIDES, SIDES, st.integers(1, 500), st.integers(1, 500), st.tuples(*[st.floats(0, 1)] * 4))
def test_there_and_back_is_where_it_was(
    width: int, height: int, across: int, down: int, share: tuple[float, ...]
) -> None:
    box = np.array(share) * [width, height, width, height]
    place = letterbox((width, height), (across, down))
    inside = place.into_frame(box)
    assert (inside >= 0).all()
    assert (inside <= np.tile([across, down], 2) + 1e-9).all()
    np.testing.assert_allclose(place.into_picture(inside), box, atol=1e-6)
