"""Requests of one's own in a file or a folder: what is in it. Rule: what is wrong is told with its place."""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from loadtests.asking import CannotTest

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")
RECORDINGS = (".wav", ".flac", ".ogg", ".mp3")

_KINDS = (
    ".jsonl or .json with bodies of requests or prompts, .txt with a prompt on each line, .npz or .npy with arrays, a "
    "folder of pictures or recordings, or one of them"
)


@dataclass(frozen=True, slots=True)
class Item:
    """A text or a JSON document, and where it is."""

    where: str
    value: Any


@dataclass(frozen=True, slots=True)
class Items:
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Files:
    """Pictures or recordings."""

    contents: tuple[bytes, ...]
    are_recordings: bool


@dataclass(frozen=True, slots=True)
class Arrays:
    """By input name; "" is that of a model's only input. The first dimension is that of examples."""

    where: str
    arrays: Mapping[str, np.ndarray]


Given = Items | Files | Arrays


def read(path: Path) -> Given:
    """Raises `CannotTest`."""
    try:
        if path.is_dir():
            return _folder(path)
        return _file(path, path.read_bytes())
    except FileNotFoundError:
        raise CannotTest(f"--data {path}: there is no such file in {Path.cwd()}; it can be {_KINDS}") from None
    except OSError as error:
        raise CannotTest(f"--data {path} can't be read: {error.strerror or error}") from None


def _file(path: Path, content: bytes) -> Given:
    match path.suffix.lower():
        case ".jsonl" | ".ndjson":
            return _some(path, _documents(path, _text(path, content)))
        case ".json":
            found = _document(str(path), _text(path, content))
            listed = found if isinstance(found, list) else [found]
            return _some(path, (Item(f"{path}: [{at}]", each) for at, each in enumerate(listed)))
        case ".txt":
            return _some(path, (Item(where, line) for where, line in _lines(path, _text(path, content))))
        case ".npz" | ".npy":
            return Arrays(str(path), _arrays(path, content))
        case suffix if suffix in PICTURES + RECORDINGS:
            return Files((content,), suffix in RECORDINGS)
    raise CannotTest(f"--data {path}: what is in it can't be told by '{path.suffix}'; it can be {_KINDS}")


def _some(path: Path, items: Iterator[Item]) -> Items:
    found = tuple(items)
    if not found:
        raise CannotTest(f"--data {path}: there is nothing in it")
    return Items(found)


def _folder(path: Path) -> Files:
    kinds = {kind: [each for each in sorted(path.iterdir()) if each.suffix.lower() in kind] for kind in _FOLDERS}
    pictures, recordings = kinds.values()
    if bool(pictures) == bool(recordings):
        what = "both pictures and recordings" if pictures else "neither pictures nor recordings"
        raise CannotTest(f"--data {path}: the folder has {what}; it should have {', '.join(PICTURES + RECORDINGS)}")
    return Files(tuple(each.read_bytes() for each in pictures or recordings), bool(recordings))


_FOLDERS = (PICTURES, RECORDINGS)


def _text(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise CannotTest(f"{path}, line {line}: it is no UTF-8 text") from None


def _lines(path: Path, text: str) -> Iterator[tuple[str, str]]:
    """Those with something in them."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield f"{path}, line {number}", line.strip()


def _documents(path: Path, text: str) -> Iterator[Item]:
    return (Item(where, _document(where, line)) for where, line in _lines(path, text))


def _document(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CannotTest(f"{where}: it is no JSON: {error}") from None


def _arrays(path: Path, content: bytes) -> dict[str, np.ndarray]:
    try:
        found = np.load(io.BytesIO(content), allow_pickle=False)
        arrays = {"": found} if isinstance(found, np.ndarray) else {name: found[name] for name in found.files}
    except Exception as error:  # numpy, zipfile and zlib raise whatever a damaged file leads them to
        raise CannotTest(
            f"{path}: it is no file that numpy.save or numpy.savez writes, or one with Python objects ({error})"
        ) from None
    if not arrays:
        raise CannotTest(f"--data {path}: there is no array in it")
    return arrays
