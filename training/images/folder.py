"""Pictures in folders: one for each class, perhaps within `train`, `test` and `val`.

Rule: a picture becomes the pixels that the server would make of the same file; what can't be read is counted and named.
"""

import math
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from serving.errors import InvalidInput
from serving.protocols.images import FORMATS, ImageLayout, to_pixels
from training.data.labels import check
from training.errors import InvalidData
from training.images.found import TEST, TRAIN, VALIDATION, Found
from training.images.options import Options, side_of

_SPLITS = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "test": TEST,
    "testing": TEST,
}
_LEFT_BEHIND = {"thumbs.db", "desktop.ini"}  # by file managers, beside names with a dot first
_GREY = {"1", "L", "LA", "I", "I;16", "I;16B", "F"}
_NAMED = 3  # in a note
_TELLING = 2000  # files, of which the others' size and colours are taken
_READ = ", ".join(FORMATS)


@dataclass(frozen=True, slots=True)
class File:
    path: Path
    label: str
    split: str


def has(folder: Path) -> bool:
    return bool(_subfolders(folder))


def read(folder: Path, options: Options, watched: Callable[[list[File]], Iterable[File]] = iter) -> Found:
    """`watched` goes through the files, which may take minutes. Raises `InvalidData`."""
    classes = _classes(folder)
    check((label for _, label, _ in classes), str(folder))
    files = [File(path, label, split) for split, label, path in classes for path in _files(path)]
    side, channels = _size(files, options)
    layout, shape = ImageLayout(channels, side, side, False, "UINT8"), (channels, side, side)
    pixels, kept, unreadable = [], [], []
    for file in watched(files):
        try:
            pixels.append(to_pixels(file.path.read_bytes(), layout, shape))
            kept.append(file)
        except (InvalidInput, OSError) as error:
            unreadable.append(f"{_shown(file.path.relative_to(folder))}: {error}")
    if not kept:
        raise InvalidData(f"{folder} has {len(files)} files, and no picture that can be read; put {_READ} files there")
    labels = tuple(sorted({file.label for file in kept}, key=_natural))
    targets = {label: target for target, label in enumerate(labels)}
    empty = sorted({label for _, label, _ in classes} - set(labels), key=_natural)
    return Found(
        pixels=np.stack(pixels),
        targets=np.array([targets[file.label] for file in kept]),
        given=tuple(file.split for file in kept),
        labels=labels,
        read=len(files),
        dropped={"unreadable": len(unreadable)} if unreadable else {},
        notes=(*_listed("unreadable", unreadable), *_listed("classes without pictures, left out", empty)),
    )


def _classes(folder: Path) -> list[tuple[str, str, Path]]:
    """Split, label and folder of each; a folder `train` that holds pictures itself is a class of that name."""
    inside = _subfolders(folder)
    splits = [path for path in inside if path.name.lower() in _SPLITS and _subfolders(path)]
    if not any(_SPLITS[path.name.lower()] == TRAIN for path in splits):
        return [("", path.name, path) for path in inside]
    return [(_SPLITS[split.name.lower()], path.name, path) for split in splits for path in _subfolders(split)]


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not _is_left_behind(path))


def _is_left_behind(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower() in _LEFT_BEHIND


def _size(files: list[File], options: Options) -> tuple[int, int]:
    """Side and channels; of many pictures, some tell."""
    if options.side and options.channels:
        return options.side, options.channels
    heads = [head for file in files[:: math.ceil(len(files) / _TELLING) or 1] if (head := _head(file.path))]
    channels = 3 if any(coloured for _, coloured in heads) else 1
    return side_of([side for side, _ in heads], options), options.channels or channels


def _head(path: Path) -> tuple[int, bool] | None:
    """The shorter side, and whether there are colours; None for what is no picture."""
    try:
        with Image.open(path, formats=FORMATS) as picture:
            return min(picture.size), picture.mode not in _GREY
    except Exception:  # Pillow's parsers raise whatever they stumble over, and `read` will tell
        return None


def _natural(label: str) -> tuple[tuple[int, int, str], ...]:
    """Numbers by their value: 2 before 10."""
    parts = re.findall(r"\d+|\D+", label)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def _shown(path: Path) -> str:
    """Bytes that are no UTF-8 could not be written."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _listed(title: str, names: list[str]) -> tuple[str, ...]:
    if not names:
        return ()
    more = f", and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return (f"{title}: {', '.join(names[:_NAMED])}{more}",)
