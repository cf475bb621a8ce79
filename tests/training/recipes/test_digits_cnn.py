import torch

from training.checkpoint import Checkpoint
from training.recipes.digits_cnn import RECIPE
from training.run import restore


def test_held_out_accuracy_is_at_least_97_percent(digits: Checkpoint) -> None:
    assert digits.metrics["test_accuracy"] >= 0.97


def test_inverted_images_get_the_same_labels(digits: Checkpoint) -> None:
    model, images = restore(RECIPE, digits).module, torch.from_numpy(digits.rows.inputs["image"])
    with torch.inference_mode():
        labels, inverted = model(images).argmax(dim=1), model(255 - images).argmax(dim=1)

    assert torch.equal(labels, inverted)


def test_images_of_both_kinds_may_share_a_batch(digits: Checkpoint) -> None:
    model, images = restore(RECIPE, digits).module, torch.from_numpy(digits.rows.inputs["image"])[:8]
    mixed = images.clone()
    mixed[::2] = 255 - mixed[::2]
    with torch.inference_mode():
        assert torch.allclose(model(mixed), model(images), atol=1e-5)
