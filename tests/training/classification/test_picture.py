import io

import numpy as np
from PIL import Image

from training.classification.picture import drawn


def test_an_example_is_a_grey_png_of_dark_ink_on_white_paper() -> None:
    row = np.zeros((1, 8, 8), np.float32)
    row[0, 3, 4] = 255.0

    written = drawn(row, {})
    image = Image.open(io.BytesIO(written.content))

    assert written.name == "example.png"
    assert (image.format, image.mode, image.size) == ("PNG", "L", (160, 160))
    pixels = np.asarray(image)
    assert pixels[0, 0] == 255
    assert (pixels[60:80, 80:100] == 0).all()
    assert (pixels == 0).sum() == 400
