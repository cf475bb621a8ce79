"""COCO's JSON of pictures with boxes, cleaned.

Rule: nothing is read but the document; what can't be used is counted by its reason, and the first of each is named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from training.errors import InvalidData

_MEMBERS = ("images", "annotations", "categories")
_FAR = 1e9  # pixels, which no picture has

Box = tuple[float, float, float, float]
"""x_min, y_min, x_max, y_max in the picture's pixels."""


@dataclass(slots=True)
class Dropped:
    """What was left out: how many for each reason, and the name of the first."""

    counts: dict[str, int] = field(default_factory=dict)
    firsts: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, name: str) -> None:
        self.counts[reason] = self.counts.get(reason, 0) + 1
        self.firsts.setdefault(reason, name)

    def told(self, what: str) -> tuple[str, ...]:
        """A sentence for each reason."""
        return tuple(
            f"{what}: {count} {reason}, the first is {self.firsts[reason]}" for reason, count in self.counts.items()
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture. `size` is the width and height that the JSON says, None where it says none; `boxes` by class."""

    file_name: str
    size: tuple[float, float] | None
    boxes: dict[tuple[int, Box], None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sheet:
    """`labels[i]` names class i; in the order of the categories' ids."""

    labels: tuple[str, ...]
    pictures: tuple[Entry, ...]
    pictures_dropped: Dropped
    boxes_dropped: Dropped


def read(document: Any, name: str) -> Sheet:
    """`name` is the file's, for errors. Raises `InvalidData`."""
    images, annotations, categories = _members(document, name)
    labels, classes = _labels(categories, name)
    pictures_dropped, boxes_dropped = Dropped(), Dropped()
    entries: dict[Any, Entry] = {}
    for number, image in enumerate(images):
        _add_picture(image, f"images[{number}]", entries, pictures_dropped)
    for number, annotation in enumerate(annotations):
        _add_box(annotation, f"annotations[{number}]", entries, classes, boxes_dropped)
    return Sheet(labels, tuple(entries.values()), pictures_dropped, boxes_dropped)


def _members(document: Any, name: str) -> list[list[Any]]:
    found = [document.get(member) if isinstance(document, dict) else None for member in _MEMBERS]
    for member, value in zip(_MEMBERS, found, strict=True):
        if not isinstance(value, list) or not value:
            raise InvalidData(
                f"{name} has no list '{member}' with something in it; expected COCO's format for objects: "
                '{"images": [...], "annotations": [...], "categories": [...]}'
            )
    return [value for value in found if value is not None]


def _labels(categories: Sequence[Any], name: str) -> tuple[tuple[str, ...], dict[Any, int]]:
    """And the class of each category's id."""
    names: dict[int, str] = {}
    for number, each in enumerate(categories):
        key, label = _integer(each, "id"), _text(each, "name")
        if key is None or not label or key in names or label in names.values():
            raise InvalidData(
                f"{name}: categories[{number}] must have an integer 'id' and a 'name', neither of them twice; "
                f"got {str(each)[:100]}"
            )
        names[key] = label
    ids = sorted(names)
    return tuple(names[key] for key in ids), {key: index for index, key in enumerate(ids)}


def _add_picture(image: Any, place: str, entries: dict[Any, Entry], dropped: Dropped) -> None:
    key, file_name = _integer(image, "id"), image.get("file_name") if isinstance(image, dict) else None
    if key is None or not isinstance(file_name, str):
        dropped.add("without an integer 'id' and a 'file_name'", place)
    elif key in entries:
        dropped.add("with another's id", place)
    else:
        sides = (image.get("width"), image.get("height"))
        entries[key] = Entry(file_name, sides if all(map(_is_number, sides)) else None)


def _add_box(
    annotation: Any, place: str, entries: Mapping[Any, Entry], classes: Mapping[Any, int], dropped: Dropped
) -> None:
    entry = entries.get(_integer(annotation, "image_id"))
    label = classes.get(_integer(annotation, "category_id"))
    if entry is None:
        dropped.add("of no known picture", place)
    elif label is None:
        dropped.add("of no known category", place)
    elif annotation.get("iscrowd"):
        dropped.add("around crowds", place)
    elif (box := _box(annotation)) is None:
        dropped.add("of no area", place)
    elif (label, box) in entry.boxes:
        dropped.add("that come again", place)
    else:
        entry.boxes[label, box] = None


def _box(annotation: Mapping[str, Any]) -> Box | None:
    """None where `bbox` is not x, y, width and height with an area."""
    given = annotation.get("bbox")
    if not isinstance(given, list) or len(given) != 4 or not all(map(_is_number, given)):
        return None
    left, top, width, height = given
    return (left, top, left + width, top + height) if width > 0 and height > 0 else None


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < _FAR


def _integer(given: Any, member: str) -> int | None:
    value = given.get(member) if isinstance(given, dict) else None
    return value if type(value) is int else None


def _text(given: Any, member: str) -> str:
    """On one line; "" where there is none."""
    value = given.get(member) if isinstance(given, dict) else None
    return " ".join(value.split()) if isinstance(value, str) else ""
