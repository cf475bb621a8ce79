import io

import numpy as np
from PIL import Image

from serving.protocols.images import ImageLayout, to_pixels
from training.images.picture import drawn


def test_an_example_is_a_grey_png_of_dark_ink_on_white_paper() -> None:
    row = np.zeros((1, 8, 8), np.float32)
    row[0, 3, 4] = 255.0

    written = drawn(row, {"is_ink": True})
    image = Image.open(io.BytesIO(written.content))

    assert written.name == "example.png"
    assert (image.format, image.mode, image.size) == ("PNG", "L", (160, 160))
    pixels = np.asarray(image)
    assert pixels[0, 0] == 255
    assert (pixels[60:80, 80:100] == 0).all()
    assert (pixels == 0).sum() == 400


def test_a_photograph_stays_as_it_is_and_comes_back_as_the_same_pixels() -> None:
    row = np.random.default_rng(0).integers(0, 256, (3, 10, 10)).astype(np.float32)

    written = drawn(row, {"is_ink": False})
    image = Image.open(io.BytesIO(written.content))

    assert (image.mode, image.size) == ("RGB", (160, 160))
    assert np.array_equal(to_pixels(written.content, ImageLayout(3, 10, 10, False, "FP32"), row.shape), row)
