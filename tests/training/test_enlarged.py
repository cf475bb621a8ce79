import io

import numpy as np
from PIL import Image

from training.enlarged import enlarged, png


def test_each_pixel_is_a_square() -> None:
    grey = enlarged(np.array([[[10, 200]]], np.uint8), at_least=7)
    colours = enlarged(np.array([[[10, 0]], [[20, 0]], [[30, 0]]], np.uint8), at_least=4)

    assert (grey.mode, grey.size) == ("L", (6, 3))
    assert np.asarray(grey).tolist() == [[10] * 3 + [200] * 3] * 3
    assert (colours.mode, colours.getpixel((1, 1)), colours.getpixel((2, 0))) == ("RGB", (10, 20, 30), (0, 0, 0))


def test_one_that_is_large_stays_as_it_is() -> None:
    assert enlarged(np.zeros((1, 50, 40), np.uint8), at_least=16).size == (40, 50)


def test_a_file_has_the_same_pixels() -> None:
    picture = enlarged(np.arange(16, dtype=np.uint8).reshape(1, 4, 4), at_least=1)

    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(picture)))), np.asarray(picture))
