import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from tests.training.detection import folders
from training.detection import coco
from training.detection.options import Options
from training.detection.pictures import NOTHING
from training.errors import InvalidData

GREY, COLOUR = Options(side=32, channels=1, boxes=4), Options(side=32, channels=3, boxes=4)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    return folders.write(folder, folders.document(folder))


def test_pictures_are_whole_and_boxes_where_their_pixels_are(pictures: Path) -> None:
    data = coco.load(pictures, GREY)
    assert data.facts == GREY.facts(["bar", "square"])
    for split in (data.train, data.validation, data.test):
        assert split.pixels.shape[1:] == (1, 32, 32)
        assert (split.classes == 1).all()
        for pixels, (left, top, right, bottom) in zip(split.pixels[:, 0], split.boxes[:, 0].tolist(), strict=True):
            bright = (pixels > 200).nonzero()
            assert (right - left, top, bottom) == (6, 13, 19)
            assert [int(bright[:, 1].min()), int(bright[:, 1].max()) + 1] == pytest.approx([left, right], abs=0.5)


def test_every_picture_is_in_one_split_and_counted(pictures: Path) -> None:
    card = coco.load(pictures, GREY).card
    assert (card.read, card.dropped, sum(card.kept.values())) == (40, {}, 40)
    assert [card.classes[name] for name in card.kept] == [{"bar": 0, "square": count} for count in card.kept.values()]
    assert card.notes == ()


def test_the_json_may_be_named_and_pictures_may_be_in_a_folder_and_have_colours(pictures: Path, tmp_path: Path) -> None:
    shutil.copytree(pictures, tmp_path / "images")
    (tmp_path / "images" / "instances.json").rename(tmp_path / "a.json")
    (tmp_path / "b.json").write_text("{}")
    data = coco.load(tmp_path / "a.json", COLOUR)
    assert data.train.pixels.shape[1:] == (3, 32, 32)
    with pytest.raises(
        InvalidData, match=r"must hold one JSON file in COCO's format, got a.json, b.json; name the file"
    ):
        coco.load(tmp_path, COLOUR)


def test_a_pictures_split_does_not_depend_on_the_others(pictures: Path, tmp_path: Path) -> None:
    document = folders.document(tmp_path, 30)
    some = coco.load(folders.write(tmp_path, document), GREY).test
    shades = {int(pixels.min()) for pixels in some.pixels[:, 0, 8:24]}
    assert shades <= {int(pixels.min()) for pixels in coco.load(pictures, GREY).test.pixels[:, 0, 8:24]}


def test_what_cant_be_used_is_counted_by_reason_and_named(tmp_path: Path) -> None:
    document = folders.document(tmp_path)
    (tmp_path / "0.png").unlink()
    (tmp_path / "1.png").write_bytes(b"no picture")
    shutil.copy(tmp_path / "3.png", tmp_path / "2.png")
    Image.new("L", (32, 64)).save(tmp_path / "4.png")
    document["annotations"] += [
        {"image_id": 5, "category_id": 7, "bbox": [70, 0, 5, 5]},
        {"image_id": 5, "category_id": 99, "bbox": [0, 0, 5, 5]},
        {"image_id": 6, "category_id": 3, "bbox": [-10, -10, 16, 18]},
    ]
    data = coco.load(folders.write(tmp_path, document), GREY)
    assert data.card.dropped == {
        "that are not there": 1,
        "that can't be read": 1,
        "of another size than the JSON says, or not upright": 1,
        "that come again": 1,
    }
    assert data.card.read - sum(data.card.dropped.values()) == sum(data.card.kept.values()) == 36
    assert "pictures: 1 that are not there, the first is 0.png" in data.card.notes
    assert "boxes: 1 outside their picture, the first is in 5.png" in data.card.notes
    assert "boxes: 1 of no known category, the first is annotations[41]" in data.card.notes
    assert any(note.startswith("1 boxes are less than 4 pixels") for note in data.card.notes)
    cut = torch.cat([split.boxes[split.classes == 0] for split in (data.train, data.validation, data.test)])
    assert cut.tolist() == [[0, 8, 3, 12]]


def test_pictures_without_boxes_are_kept(tmp_path: Path) -> None:
    document = folders.document(tmp_path)
    document["annotations"] = document["annotations"][::2]
    data = coco.load(folders.write(tmp_path, document), GREY)
    assert sum(data.card.kept.values()) == 40
    assert int((data.train.classes == NOTHING).sum()) > 0


def test_what_cant_be_trained_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="there is no folder or file"):
        coco.load(tmp_path / "nowhere", GREY)
    with pytest.raises(InvalidData, match="must hold one JSON file in COCO's format, got none"):
        coco.load(tmp_path, GREY)
    (tmp_path / "instances.json").write_text("{")
    with pytest.raises(InvalidData, match=r"instances.json is not JSON that can be read: .* expected COCO's format"):
        coco.load(tmp_path, GREY)
    document = folders.document(tmp_path, 2)
    (tmp_path / "0.png").unlink()
    with pytest.raises(
        InvalidData, match=r"each split needs pictures with boxes, got .*pictures: 1 that are not there"
    ):
        coco.load(folders.write(tmp_path, document), GREY)
