"""Pictures in IDX files, as MNIST's are: one file of pixels and one of labels, gzipped or not.

Rule: a file is what its header says, to the byte; the names of labels, which it does not say, may be in `labels.txt`.
"""

import gzip
import math
import re
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from serving.protocols.images import ImageLayout, fitted
from training.errors import InvalidData
from training.images.found import TEST, TRAIN, Found
from training.images.options import Options, side_of

_PIXELS = re.compile(r"image(s?[-._])idx3", re.IGNORECASE)
_TEST = re.compile(r"t10k|test", re.IGNORECASE)
_UBYTE = 0x08
_GZIP = b"\x1f\x8b"
_LABELS = "labels.txt"


def has(folder: Path) -> bool:
    return bool(_pixel_files(folder))


def read(folder: Path, options: Options) -> Found:
    """Raises `InvalidData`."""
    files = _pixel_files(folder)
    parts = [_pair(path) for path in files]
    sizes = sorted({pixels.shape[1:] for pixels, _ in parts})
    if len(sizes) > 1:
        raise InvalidData(f"{folder} has pictures of several sizes, {sizes}; keep one data set in a folder")
    side, channels = side_of([min(sizes[0])], options), options.channels or 1
    numbers = np.concatenate([labels for _, labels in parts])
    used, targets = np.unique(numbers, return_inverse=True)
    labels, notes = _labels(folder, used.tolist())
    return Found(
        pixels=np.concatenate([_fitted(pixels, channels, side) for pixels, _ in parts]),
        targets=targets,
        given=_given(files, [len(labels) for _, labels in parts]),
        labels=labels,
        read=len(targets),
        notes=notes,
        is_ink=channels == 1,
    )


def _pixel_files(folder: Path) -> list[Path]:
    """One of each name, of which one is not gzipped where there are both."""
    found = sorted(path for path in folder.iterdir() if _PIXELS.search(path.name) and path.is_file())
    return [path for path in found if path.suffix != ".gz" or _other(path) not in found]


def _given(files: list[Path], rows: list[int]) -> tuple[str, ...]:
    """The split of each row. Names tell what is to be tested on; the hash decides where no name does."""
    is_test = [bool(_TEST.search(path.name)) for path in files]
    rest = TRAIN if any(is_test) else ""
    return tuple(TEST if test else rest for test, count in zip(is_test, rows, strict=True) for _ in range(count))


def _pair(path: Path) -> tuple[np.ndarray, np.ndarray]:
    labels = path.with_name(_PIXELS.sub(r"label\1idx1", path.name))
    beside = next((it for it in (labels, _other(labels)) if it.is_file()), None)
    if beside is None:
        raise InvalidData(f"{path} has no labels: put {labels.name} beside it")
    pixels, numbers = _array(path, 3), _array(beside, 1)
    if len(pixels) != len(numbers):
        raise InvalidData(f"{path} has {len(pixels)} pictures, but {beside.name} {len(numbers)} labels; get both again")
    return pixels, numbers


def _other(path: Path) -> Path:
    """Of the same name, gzipped where this is not."""
    return path.with_suffix("") if path.suffix == ".gz" else path.with_name(path.name + ".gz")


def _array(path: Path, dimensions: int) -> np.ndarray:
    data = _content(path)
    expected = bytes((0, 0, _UBYTE, dimensions))
    if data[:4] != expected:
        raise InvalidData(f"{path} must begin with {expected.hex(' ')} to be such an IDX file, not {data[:4].hex(' ')}")
    start = 4 + 4 * dimensions
    shape = np.frombuffer(data[:start].ljust(start, b"\0"), ">u4", dimensions, 4).tolist()
    if len(data) - start != math.prod(shape):
        raise InvalidData(f"{path} is damaged: it must have {math.prod(shape)} bytes of {shape}; get it again")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    if not data.startswith(_GZIP):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error) as error:
        raise InvalidData(f"{path} is damaged: {error}; get it again") from None


def _fitted(pixels: np.ndarray, channels: int, side: int) -> np.ndarray:
    if channels == 1 and pixels.shape[1:] == (side, side):
        return pixels[:, None]
    layout, shape = ImageLayout(channels, side, side, False, "UINT8"), (channels, side, side)
    return np.stack([fitted(Image.fromarray(picture), layout, shape) for picture in pixels])


def _labels(folder: Path, used: list[int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of those that are `used`, and what there is to say of others."""
    path = folder / _LABELS
    if not path.is_file():
        return tuple(map(str, used)), ()
    names = [name.strip() for name in path.read_text(encoding="utf-8", errors="replace").strip().split("\n")]
    if used and used[-1] >= len(names):
        raise InvalidData(f"{path} has {len(names)} names, but there is a label {used[-1]}; write one a line from 0 on")
    empty = [name for number, name in enumerate(names) if number not in used]
    notes = (f"classes without pictures, left out: {', '.join(empty)}",) if empty else ()
    return tuple(names[number] for number in used), notes
