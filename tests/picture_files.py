"""Folders of small pictures of two kinds, squares and crosses, and IDX files of numbered pixels."""

import gzip
import struct
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def picture(label: str, number: int, mode: str = "L", side: int = 16) -> Image.Image:
    """Of each number another, dark on light."""
    chance = np.random.default_rng(number)
    drawn = Image.new(mode, (side, side), "white")
    size = int(chance.integers(side // 3, side // 2))
    x, y = (int(at) for at in chance.integers(1, side - size, 2))
    box, shade = (x, y, x + size, y + size), int(chance.integers(0, 100))
    ink = (shade, number % 100, 0) if mode == "RGB" else shade
    draw = ImageDraw.Draw(drawn)
    if label == "square":
        draw.rectangle(box, fill=ink)
    else:
        draw.line(box, fill=ink, width=side // 12)
        draw.line((x, y + size, x + size, y), fill=ink, width=side // 12)
    return drawn


def add(folder: Path, label: str, count: int, first: int = 0, mode: str = "L", side: int = 16) -> None:
    """Files `first.png` and on."""
    (folder / label).mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        picture(label, number, mode, side).save(folder / label / f"{number}.png")


def write_idx(path: Path, array: np.ndarray, zipped: bool = False) -> None:
    head = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    data = head + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(data) if zipped else data)


def pixels(count: int, side: int = 6, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side), np.uint8)


def add_mnist(folder: Path, train: int = 60, test: int = 20, zipped: bool = False) -> None:
    """Four files, of 10 labels in turn."""
    end = ".gz" if zipped else ""
    for name, count, seed in (("train", train, 1), ("t10k", test, 2)):
        write_idx(folder / f"{name}-images-idx3-ubyte{end}", pixels(count, seed=seed), zipped)
        write_idx(folder / f"{name}-labels-idx1-ubyte{end}", np.arange(count) % 10, zipped)
