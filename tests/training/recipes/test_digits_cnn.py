import io

import numpy as np
import torch
from PIL import Image

from training.checkpoint import Checkpoint
from training.models.probabilities import Probabilities
from training.recipes.digits_cnn import RECIPE, example
from training.run import restore


def test_held_out_accuracy_is_at_least_97_percent(digits: Checkpoint) -> None:
    assert digits.metrics.test_accuracy >= 0.97


def test_inverted_images_get_the_same_labels(digits: Checkpoint) -> None:
    model, images = Probabilities(restore(RECIPE, digits)), RECIPE.load().test.features
    with torch.inference_mode():
        labels, inverted = model(images).argmax(dim=1), model(255 - images).argmax(dim=1)

    assert torch.equal(labels, inverted)


def test_images_of_both_kinds_may_share_a_batch(digits: Checkpoint) -> None:
    model, images = Probabilities(restore(RECIPE, digits)), RECIPE.load().test.features[:8]
    mixed = images.clone()
    mixed[::2] = 255 - mixed[::2]
    with torch.inference_mode():
        assert torch.allclose(model(mixed), model(images), atol=1e-5)


def test_an_example_is_a_grey_png_of_dark_ink_on_white_paper() -> None:
    row = torch.zeros(1, 8, 8)
    row[0, 3, 4] = 255.0

    written = example(row)
    image = Image.open(io.BytesIO(written.content))

    assert written.name == "example.png"
    assert (image.format, image.mode, image.size) == ("PNG", "L", (160, 160))
    pixels = np.asarray(image)
    assert pixels[0, 0] == 255
    assert (pixels[60:80, 80:100] == 0).all()
    assert (pixels == 0).sum() == 400
