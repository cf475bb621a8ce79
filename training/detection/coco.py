"""A person's own pictures with COCO's JSON beside them, as data to train on.

Rule: pictures are read as the server reads them, whole; one that comes twice counts once, and a picture's own bytes
decide its split.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from serving.errors import InvalidInput
from serving.protocols import images
from serving.protocols.images import ImageLayout
from training.data.card import Card
from training.data.splits import NAMES, split_of
from training.detection import coco_json
from training.detection.coco_json import Dropped, Entry
from training.detection.options import Options
from training.detection.pictures import Annotated, DetectionData, counts, stacked
from training.errors import InvalidData

_SMALL = 4  # pixels of a side, which is a detector's cell


def load(source: Path, options: Options) -> DetectionData:
    """`source` is the JSON file, or the folder that it is in. Raises `InvalidData`."""
    channels, side = options.channels, options.side
    path = _json_in(source)
    sheet = coco_json.read(_document(path), path.name)
    reader = _Reader(path.parent, ImageLayout(channels, side, side, False, "UINT8"), sheet.boxes_dropped, set())
    found: dict[str, list[Annotated]] = {name: [] for name in NAMES}
    for entry in sheet.pictures:
        try:
            split, picture = reader.read(entry)
            found[split].append(picture)
        except _Unusable as reason:
            sheet.pictures_dropped.add(str(reason), entry.file_name)
    dropped = sheet.pictures_dropped
    notes = (*dropped.told("pictures"), *sheet.boxes_dropped.told("boxes"), *_small(found, side))
    _check(found, path.name, notes)
    parts = {name: stacked(pictures, channels, side) for name, pictures in found.items()}
    kept = {name: len(pictures) for name, pictures in parts.items()}
    card = Card(
        source=str(source),
        read=sum(kept.values()) + sum(dropped.counts.values()),
        dropped=dropped.counts,
        kept=kept,
        classes={name: counts(pictures, sheet.labels) for name, pictures in parts.items()},
        notes=notes,
    )
    return DetectionData(parts["train"], parts["validation"], parts["test"], options.facts(sheet.labels), card)


class _Unusable(Exception):
    """Of a picture; the text is the reason."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """`seen` are the digests of what was read."""

    folder: Path
    layout: ImageLayout
    boxes_dropped: Dropped
    seen: set[bytes]

    def read(self, entry: Entry) -> tuple[str, Annotated]:
        """Its split, and what is in it. Raises `_Unusable`."""
        content = self._content(entry.file_name)
        layout = self.layout
        try:
            pixels, place = images.letterboxed(content, layout, (layout.channels, layout.height, layout.width))
        except InvalidInput:
            raise _Unusable("that can't be read") from None
        if entry.size is not None and entry.size != place.picture:
            raise _Unusable("of another size than the JSON says, or not upright")
        kept = list(self._inside(entry, place.picture))
        boxes = np.array([box for _, box in kept], np.float64).reshape(-1, 4)
        classes = np.array([label for label, _ in kept], np.int64)
        return split_of(content), Annotated(pixels, place.into_frame(boxes), classes)

    def _content(self, name: str) -> bytes:
        try:
            content = next(path for path in (self.folder / name, self.folder / "images" / name) if path.is_file())
            data = content.read_bytes()
        except (StopIteration, OSError, ValueError):
            raise _Unusable("that are not there") from None
        digest = hashlib.sha256(data).digest()
        if digest in self.seen:
            raise _Unusable("that come again")
        self.seen.add(digest)
        return data

    def _inside(self, entry: Entry, size: tuple[int, int]) -> Iterator[tuple[int, coco_json.Box]]:
        """Boxes, or those parts of them that are in the picture."""
        for label, box in entry.boxes:
            left, top, right, bottom = np.array(box).clip(0, [*size, *size]).tolist()
            if left < right and top < bottom:
                yield label, (left, top, right, bottom)
            else:
                self.boxes_dropped.add("outside their picture", f"in {entry.file_name}")


def _json_in(source: Path) -> Path:
    if source.is_file():
        return source
    if not source.is_dir():
        raise InvalidData(f"there is no folder or file '{source}'; give the folder with COCO's JSON and the pictures")
    found = sorted(source.glob("*.json"))
    if len(found) != 1:
        there = ", ".join(path.name for path in found[:5]) or "none"
        raise InvalidData(f"'{source}' must hold one JSON file in COCO's format, got {there}; name the file itself")
    return found[0]


def _document(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidData(f"{path.name} is not JSON that can be read: {error}; expected COCO's format") from None


def _small(found: dict[str, list[Annotated]], side: int) -> tuple[str, ...]:
    sides = [each.boxes[:, 2:] - each.boxes[:, :2] for pictures in found.values() for each in pictures]
    count = int((np.concatenate(sides).min(axis=1) < _SMALL).sum()) if sides else 0
    advice = f"try --set data.side={2 * side}"
    return (f"{count} boxes are less than {_SMALL} pixels wide or high at {side} x {side}; {advice}",) if count else ()


def _check(found: dict[str, list[Annotated]], name: str, notes: tuple[str, ...]) -> None:
    have = {split: sum(len(each.classes) > 0 for each in pictures) for split, pictures in found.items()}
    if not all(have.values()):
        told = ", ".join(f"{count} {split}" for split, count in have.items())
        why = f" ({'; '.join(notes)})" if notes else ""
        raise InvalidData(f"{name}: each split needs pictures with boxes, got {told}; add pictures{why}")
