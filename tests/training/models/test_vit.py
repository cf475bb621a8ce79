import pytest
import torch

from training.models.vit import Vit


@pytest.mark.parametrize(("side", "colours", "patches"), [(8, 1, 4), (28, 1, 7), (15, 3, 4), (30, 3, 7), (4, 1, 9)])
def test_pictures_of_any_size_become_logits(side: int, colours: int, patches: int) -> None:
    model = Vit(side, colours, patches, width=16, heads=2, depth=2, classes=3)

    assert model(torch.rand(5, colours, side, side)).shape == (5, 3)


def test_it_sees_where_things_are() -> None:
    model = Vit(8, 1, patches=4, width=16, heads=2, depth=1, classes=3).eval()
    image = torch.zeros(1, 1, 8, 8)
    image[..., :2, :2] = 1.0

    assert not torch.allclose(model(image), model(image.flip(-1)), atol=1e-4)


@pytest.mark.parametrize(("patches", "width", "heads"), [(0, 16, 2), (4, 16, 3), (4, 16, 0)])
def test_sizes_that_do_not_fit_are_refused(patches: int, width: int, heads: int) -> None:
    with pytest.raises(ValueError, match="patches, and"):
        Vit(8, 1, patches, width, heads, depth=1, classes=3)
