from typing import Any

import pytest

from training.detection.coco_json import Entry, read
from training.errors import InvalidData

CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "traffic\nlight"}]
IMAGE = {"id": 1, "file_name": "a.png", "width": 30, "height": 20}
BOX = {"image_id": 1, "category_id": 7, "bbox": [1, 2, 3.5, 4]}


def document(images: list[Any] | None = None, annotations: list[Any] | None = None, **members: Any) -> dict[str, Any]:
    return {"images": images or [IMAGE], "annotations": annotations or [BOX], "categories": CATEGORIES, **members}


def test_boxes_are_corners_and_classes_in_the_order_of_ids() -> None:
    sheet = read(document(), "a.json")
    assert sheet.labels == ("traffic light", "dog")
    assert sheet.pictures == (Entry("a.png", (30, 20), {(1, (1, 2, 4.5, 6)): None}),)
    assert (sheet.pictures_dropped.counts, sheet.boxes_dropped.counts) == ({}, {})


def test_a_picture_without_boxes_or_size_is_one_all_the_same() -> None:
    sheet = read(document([IMAGE, {"id": 2, "file_name": "b.png"}]), "a.json")
    assert sheet.pictures[1] == Entry("b.png", None)


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ({**BOX, "image_id": 2}, "of no known picture"),
        ({**BOX, "image_id": [2]}, "of no known picture"),
        ({**BOX, "category_id": 1}, "of no known category"),
        ({**BOX, "iscrowd": 1}, "around crowds"),
        ({**BOX, "bbox": [1, 2, 0, 4]}, "of no area"),
        ({**BOX, "bbox": [1, 2, 3, -4]}, "of no area"),
        ({**BOX, "bbox": [1, 2, 3]}, "of no area"),
        ({**BOX, "bbox": [1, 2, float("nan"), 4]}, "of no area"),
        ({**BOX, "bbox": "1 2 3 4"}, "of no area"),
        ({**BOX, "bbox": [10**400, 2, 3, 4]}, "of no area"),
        (BOX, "that come again"),
        (5, "of no known picture"),
    ],
)
def test_a_box_that_cant_be_used_is_counted_and_the_first_is_named(box: Any, reason: str) -> None:
    sheet = read(document(annotations=[BOX, box, box]), "a.json")
    assert len(sheet.pictures[0].boxes) == 1
    assert sheet.boxes_dropped.counts == {reason: 2}
    assert sheet.boxes_dropped.told("boxes") == (f"boxes: 2 {reason}, the first is annotations[1]",)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ({"id": 1, "file_name": "b.png"}, "with another's id"),
        ({"id": "2", "file_name": "b.png"}, "without an integer 'id' and a 'file_name'"),
        ({"id": 2}, "without an integer 'id' and a 'file_name'"),
        (None, "without an integer 'id' and a 'file_name'"),
    ],
)
def test_a_picture_that_cant_be_used_is_counted(image: Any, reason: str) -> None:
    sheet = read(document([IMAGE, image]), "a.json")
    assert len(sheet.pictures) == 1
    assert sheet.pictures_dropped.counts == {reason: 1}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ([], "a.json has no list 'images'"),
        ({"images": [IMAGE]}, "a.json has no list 'annotations'"),
        (document(categories=[]), "a.json has no list 'categories' with something in it"),
        (document(categories=[{"id": 1}]), r"categories\[0\] must have an integer 'id' and a 'name'"),
        (document(categories=[CATEGORIES[0]] * 2), r"categories\[1\] must have .* neither of them twice; got"),
        (document(categories=[{"id": 1, "name": " "}]), r"categories\[0\]"),
    ],
)
def test_what_is_no_such_document_is_refused(wrong: Any, reason: str) -> None:
    with pytest.raises(InvalidData, match=reason):
        read(wrong, "a.json")
