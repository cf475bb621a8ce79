import pytest
import torch

from serving.protocols.images import FILL
from training.data import digits
from training.detection import scenes
from training.detection.options import Options
from training.detection.pictures import NOTHING, DetectionData
from training.errors import InvalidConfig

OPTIONS = Options(side=64, channels=1, boxes=8)


@pytest.fixture(scope="module")
def data() -> DetectionData:
    return scenes.load(120, OPTIONS)


def test_scenes_are_the_same_each_time_and_however_many(data: DetectionData) -> None:
    assert scenes.load(120, OPTIONS).fingerprint() == data.fingerprint()
    assert torch.equal(scenes.load(60, OPTIONS).train.pixels, data.train.pixels[:60])


def test_splits_are_of_the_wanted_sizes_and_told(data: DetectionData) -> None:
    assert [len(part) for part in (data.train, data.validation, data.test)] == [120, 20, 20]
    assert data.card.kept == {"train": 120, "validation": 20, "test": 20}
    assert sum(data.card.classes["train"].values()) == int((data.train.classes != NOTHING).sum())
    assert data.facts == OPTIONS.facts(digits.LABELS)


def test_a_scene_has_one_to_five_digits_in_it_that_hardly_overlap(data: DetectionData) -> None:
    there = data.train.classes != NOTHING
    assert (there.sum(dim=1).min(), there.sum(dim=1).max()) == (1, 5)
    for boxes, known in zip(data.train.boxes, there, strict=True):
        some = boxes[known]
        assert (some >= 0).all()
        assert (some <= 64).all()
        corners = (
            torch.maximum(some[:, None, :2], some[None, :, :2]),
            torch.minimum(some[:, None, 2:], some[None, :, 2:]),
        )
        both = (corners[1] - corners[0]).clamp_min(0).prod(dim=-1).fill_diagonal_(0)
        areas = (some[:, 2:] - some[:, :2]).prod(dim=1)
        assert (both <= 0.05 * torch.minimum(areas[:, None], areas) + 1e-4).all()


def test_there_is_ink_in_a_box_and_fill_beside_a_scene_that_is_not_square(data: DetectionData) -> None:
    for pixels, boxes, classes in zip(data.train.pixels[:, 0], data.train.boxes, data.train.classes, strict=True):
        left, top, right, bottom = boxes[classes != NOTHING][0].int().tolist()
        assert pixels[top:bottom, left:right].float().std() > 10
    corners = data.train.pixels[:, 0, ::63, ::63].flatten(1)
    assert 20 < int((corners == FILL).all(dim=1).sum()) < 100


@pytest.mark.parametrize("options", [Options(64, 3, 8), Options(40, 1, 8)])
def test_scenes_are_grey_and_have_room_for_a_digit(options: Options) -> None:
    with pytest.raises(InvalidConfig, match="for scenes of digits"):
        scenes.load(6, options)
