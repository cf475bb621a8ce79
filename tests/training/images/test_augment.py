from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from training.errors import InvalidConfig
from training.images.augment import Augmentation, augmented

IMAGES = torch.arange(512.0).reshape(32, 1, 4, 4) / 512 * 200


def changed(seed: int = 0, **how: float) -> Tensor:
    torch.manual_seed(seed)
    return augmented(IMAGES, Augmentation(**how))  # type: ignore[arg-type]


@pytest.mark.parametrize("how", [{"shift": 0.2}, {"rotate": 20}, {"brightness": 0.3}, {"noise": 0.1}, {"flip": True}])
def test_the_same_seed_changes_in_the_same_way_and_another_in_another(how: Mapping[str, float]) -> None:
    with torch.random.fork_rng():
        first = changed(**how)

        assert torch.equal(first, changed(**how))
        assert not torch.equal(first, changed(seed=1, **how))
        assert not torch.equal(first, IMAGES)
        assert first.shape == IMAGES.shape
        assert first.min() >= 0
        assert first.max() <= 255


def test_nothing_asked_for_changes_nothing() -> None:
    before = torch.get_rng_state()

    assert torch.equal(augmented(IMAGES, Augmentation()), IMAGES)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_flipped_picture_is_the_mirrored_one() -> None:
    with torch.random.fork_rng():
        found = changed(flip=True)

    each = [torch.allclose(one, other, atol=1e-3) for one, other in zip(found, IMAGES, strict=True)]
    mirrored = [torch.allclose(one, other.flip(-1), atol=1e-3) for one, other in zip(found, IMAGES, strict=True)]
    assert [one != other for one, other in zip(each, mirrored, strict=True)] == [True] * 32
    assert any(mirrored)


def test_a_turned_picture_keeps_its_middle() -> None:
    dot = torch.zeros(20, 1, 9, 9)
    dot[:, :, 4, 4] = 255
    with torch.random.fork_rng():
        torch.manual_seed(0)
        turned = augmented(dot, Augmentation(rotate=180))

    assert torch.allclose(turned[:, 0, 4, 4], torch.tensor(255.0), atol=1e-2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shift": 0.6}, "data.shift must be from 0 to 0.5 of the side, got 0.6"),
        ({"rotate": -1.0}, "data.rotate must be"),
        ({"brightness": 1.0}, "data.brightness must be"),
        ({"noise": 2.0}, "data.noise must be"),
    ],
)
def test_what_is_out_of_range_is_told(options: dict[str, float], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        Augmentation.of({"side": 0, **options})


def test_what_a_flip_makes_something_else_is_not_flipped() -> None:
    for labels in (("cat", "2"), ("turn left", "turn right")):
        with pytest.raises(InvalidConfig, match=f"data.flip turns pictures of '{labels[-1][:5]}"):
            Augmentation(flip=True).check_labels(tuple(reversed(labels)))
        Augmentation().check_labels(labels)
    Augmentation(flip=True).check_labels(("cat", "dog"))
