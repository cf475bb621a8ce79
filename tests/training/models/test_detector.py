import pytest
import torch

from training.models.detector import STRIDE, Detector


@pytest.mark.parametrize(("channels", "height", "width"), [(1, 64, 64), (3, 32, 48)])
def test_it_answers_for_each_cell(channels: int, height: int, width: int) -> None:
    heat, places = Detector(channels, width=4, classes=5)(torch.rand(2, channels, height, width) * 255)
    assert heat.shape == (2, 5, height // STRIDE, width // STRIDE)
    assert places.shape == (2, 4, height // STRIDE, width // STRIDE)


def test_light_and_contrast_make_no_difference() -> None:
    model = Detector(1, width=4, classes=2).eval()
    picture = torch.rand(1, 1, 32, 32) * 100
    assert torch.allclose(model(picture)[0], model(picture * 1.5 + 60)[0], atol=1e-4)


def test_an_empty_picture_is_no_trouble_and_untrained_it_hardly_sees_anything() -> None:
    heat, places = Detector(1, width=4, classes=2).eval()(torch.full((1, 1, 32, 32), 255.0))
    assert heat.isfinite().all()
    assert places.isfinite().all()
    assert heat.sigmoid().mean() < 0.1
