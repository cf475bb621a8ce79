"""Scenes of handwritten digits: on grey paper of any shade, in any size, with noise, and boxes around their ink.

Rule: a scene is made of digits of its own split only, and follows from the split, its number and nothing else.
"""

import numpy as np
from PIL import Image

from serving.protocols.images import FILL
from training.config import check
from training.data import digits
from training.data.card import Card
from training.data.splits import NAMES, Split
from training.detection.options import Options
from training.detection.pictures import Annotated, DetectionData, Pictures, counts, stacked

_MOST = 5  # digits of a scene
_SCALES = (1.0, 2.5)  # of a digit's 8 pixels
_TRIES = 20  # to find a digit a place
_OVERLAP = 0.05  # of the smaller of two boxes
_INK = 0.25  # how much of it there is where a box's edge is
_CONTRAST = (60, 200)  # between ink and paper
_NOISE = (0.0, 12.0)
_SQUARE = 0.5  # of all scenes; the others are wide or tall, with nothing above and below, or left and right
_NARROWEST = 0.5
_LEAST_SIDE = 48  # pixels, of which the narrowest scene has half


def load(train: int, options: Options) -> DetectionData:
    """So many scenes to train on, a sixth as many to validate with and to test on. Raises `InvalidConfig`."""
    check("data.channels", options.channels, options.channels == 1, "1 for scenes of digits, which are grey")
    check("data.side", options.side, options.side >= _LEAST_SIDE, f"at least {_LEAST_SIDE} for scenes of digits")
    splits = digits.load()
    sizes = {name: train if name == "train" else max(train // 6, 1) for name in NAMES}
    parts = {
        name: _scenes(getattr(splits, name), number, sizes[name], options.side) for number, name in enumerate(NAMES)
    }
    card = Card(
        source="scenes of scikit-learn's digits",
        read=sum(sizes.values()),
        dropped={},
        kept=sizes,
        classes={name: counts(pictures, digits.LABELS) for name, pictures in parts.items()},
        notes=("scenes of a split are composed of that split's digits only",),
    )
    return DetectionData(parts["train"], parts["validation"], parts["test"], options.facts(digits.LABELS), card)


def _scenes(split: Split, number: int, count: int, side: int) -> Pictures:
    inks, labels = split.features[:, 0].numpy().astype(np.uint8), split.labels.numpy()
    scenes = [_scene(np.random.default_rng([number, row]), inks, labels, side) for row in range(count)]
    return stacked(scenes, 1, side)


def _scene(chance: np.random.Generator, inks: np.ndarray, labels: np.ndarray, side: int) -> Annotated:
    height, width = _proportions(chance, side)
    ink, boxes, classes = np.zeros((height, width), np.float32), np.zeros((0, 4)), []
    for _ in range(chance.integers(1, _MOST + 1)):
        chosen = chance.integers(len(labels))
        stamp = _stamp(inks[chosen], chance.uniform(*_SCALES))
        place = _place(chance, stamp, boxes, height, width)
        if place is not None:
            top, left = place
            ink[top : top + len(stamp), left : left + len(stamp)] += stamp
            boxes = np.vstack([boxes, _moved(_box(stamp), left, top)])
            classes.append(labels[chosen])
    top, left = (side - height) // 2, (side - width) // 2
    pixels = np.full((1, side, side), FILL, np.uint8)
    pixels[0, top : top + height, left : left + width] = _drawn(chance, ink.clip(max=1))
    return Annotated(pixels, _moved(boxes, left, top), np.array(classes))


def _proportions(chance: np.random.Generator, side: int) -> tuple[int, int]:
    """Height and width, the larger of which is `side`."""
    if chance.random() < _SQUARE:
        return side, side
    shorter = round(side * chance.uniform(_NARROWEST, 1))
    return (shorter, side) if chance.random() < 0.5 else (side, shorter)


def _stamp(ink: np.ndarray, scale: float) -> np.ndarray:
    """0..1, square."""
    side = round(digits.SIDE * scale)
    return np.asarray(Image.fromarray(ink).resize((side, side), Image.Resampling.BILINEAR), np.float32) / 255


def _box(stamp: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(stamp > _INK)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float64)


def _moved(boxes: np.ndarray, right: int, down: int) -> np.ndarray:
    moved: np.ndarray = boxes + np.array([right, down, right, down])
    return moved


def _place(
    chance: np.random.Generator, stamp: np.ndarray, boxes: np.ndarray, height: int, width: int
) -> tuple[int, int] | None:
    """Its top left corner, where it covers hardly anything of `boxes`; None where none was found."""
    box, side = _box(stamp), len(stamp)
    for _ in range(_TRIES):
        top, left = int(chance.integers(height - side + 1)), int(chance.integers(width - side + 1))
        if (_covered(_moved(box, left, top), boxes) <= _OVERLAP).all():
            return top, left
    return None


def _covered(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """The share of the smaller one that is in both, for each of `boxes`."""
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    share: np.ndarray = sides.clip(min=0).prod(axis=1) / np.minimum(_area(box), _area(boxes))
    return share


def _area(boxes: np.ndarray) -> np.ndarray:
    area: np.ndarray = (boxes[..., 2:] - boxes[..., :2]).prod(axis=-1)
    return area


def _drawn(chance: np.random.Generator, ink: np.ndarray) -> np.ndarray:
    """In two shades, either of which may be the darker, and with noise."""
    contrast = chance.uniform(*_CONTRAST)
    dark = chance.uniform(0, 255 - contrast)
    paper, pen = (dark, dark + contrast) if chance.random() < 0.5 else (dark + contrast, dark)
    noise = chance.normal(0, chance.uniform(*_NOISE), ink.shape)
    return (paper + (pen - paper) * ink + noise).clip(0, 255).round().astype(np.uint8)
