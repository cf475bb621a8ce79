import io

import numpy as np
from PIL import Image

from training.classification.overlay import overlaid


def test_what_speaks_for_the_answer_is_red_and_what_speaks_against_it_blue() -> None:
    weights = np.zeros((3, 2, 4))
    weights[:, 0, 0], weights[:, 1, 3] = 1.0, -1.0

    image = Image.open(io.BytesIO(overlaid(np.full((3, 2, 4), 255.0), weights)))

    assert (image.format, image.size) == ("PNG", (160, 80))
    red, _, blue = image.getpixel((5, 5))
    assert red > 200 > 60 > blue
    red, _, blue = image.getpixel((155, 75))
    assert blue > 200 > 60 > red
    assert len(set(image.getpixel((85, 5)))) == 1


def test_a_grey_picture_that_nothing_was_seen_in_stays_grey() -> None:
    image = Image.open(io.BytesIO(overlaid(np.zeros((1, 8, 8)), np.zeros((1, 8, 8)))))

    assert image.getpixel((0, 0)) == (50, 50, 50)
