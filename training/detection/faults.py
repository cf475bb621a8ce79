"""Pictures in which a detector misses or makes up most, with what is there and what it found.

Rule: green is what is there, red what was found and is sure enough; faults are counted by class, wherever they lie.
"""

import numpy as np
from PIL import ImageDraw

from serving.core.requests import Arrays
from training.detection.shown import LOOKED_AT, SURE
from training.enlarged import enlarged, png
from training.report.section import Picture, Pictures, Section, Text

_WORST = 12
_GREEN, _RED = (0, 170, 80), (230, 60, 50)


def section(pixels: np.ndarray, outputs: Arrays, truths: Arrays, labels: int) -> Section:
    """`pixels` are uint8 [N, channels, height, width]."""
    faults = [_faults(there, found, labels) for there, found in zip(_there(truths), _found(outputs), strict=True)]
    worst = [row for row in np.argsort([-count for count in faults], kind="stable").tolist() if faults[row]][:_WORST]
    told = Text(
        f"In {sum(map(bool, faults))} of {len(faults)} pictures it missed something, or found what is not there, at a "
        f"score of {SURE}. Green is what is there, red what it found."
    )
    pictures = tuple(_picture(row, pixels[row], outputs, truths, faults[row]) for row in worst)
    return Section("Most missed", (told, *((Pictures(pictures),) if pictures else ())))


def _there(truths: Arrays) -> list[np.ndarray]:
    return [row[row >= 0] for row in truths["classes"]]


def _found(outputs: Arrays) -> list[np.ndarray]:
    return [row[scores >= SURE] for row, scores in zip(outputs["classes"], outputs["scores"], strict=True)]


def _faults(there: np.ndarray, found: np.ndarray, labels: int) -> int:
    return int(np.abs(np.bincount(there, minlength=labels) - np.bincount(found, minlength=labels)).sum())


def _picture(row: int, pixels: np.ndarray, outputs: Arrays, truths: Arrays, faults: int) -> Picture:
    image = enlarged(np.broadcast_to(pixels, (3, *pixels.shape[1:])), LOOKED_AT)
    scale = image.width // pixels.shape[-1]
    pen = ImageDraw.Draw(image)
    for boxes, colour in (
        (truths["boxes"][row][truths["classes"][row] >= 0], _GREEN),
        (outputs["boxes"][row][outputs["scores"][row] >= SURE], _RED),
    ):
        for left, top, right, bottom in (boxes * scale).tolist():
            pen.rectangle((min(left, right), min(top, bottom), right, bottom), outline=colour, width=2)
    caption = "1 fault" if faults == 1 else f"{faults} faults"
    return Picture(png(image), f"Row {row} with the boxes that are there and those found", caption)
