"""Pictures as they were read, of whatever files, and what is kept of them.

Rule: a picture's pixels decide its split, unless its folder or file does; one that comes twice is kept once, and not to
train on where it also comes to be tested.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np

from training.data.card import Card
from training.data.splits import NAMES, Splits, check, parted, split_of, unique
from training.errors import InvalidData

FEWEST = 5  # of a class

TRAIN, VALIDATION, TEST = NAMES


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """`pixels` uint8 [pictures, channels, side, side], `targets` int64 [pictures] in `labels`, and `given`, the split
    that each is for, "" where none is told."""

    pixels: np.ndarray
    targets: np.ndarray
    given: tuple[str, ...]
    labels: tuple[str, ...]
    read: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    is_ink: bool = False
    """Whether light on dark and dark on light are the same."""


def splits_of(found: Found, source: str) -> Splits:
    """Raises `InvalidData` where no classes can be learnt from it."""
    order = sorted(range(len(found.given)), key=lambda row: found.given[row] != TEST)  # of equals the first is kept
    pixels = [found.pixels[row] for row in order]
    kept, dropped = unique([sha256(each.tobytes()).digest() for each in pixels], found.targets[order].tolist())
    _check_classes(found, Counter(found.targets[[order[at] for at in kept]].tolist()), source)
    names = _names(found.given)
    chosen: dict[str, list[int]] = {name: [] for name in NAMES}
    for at in kept:
        chosen[names[found.given[order[at]]][split_of(pixels[at].tobytes())]].append(order[at])
    channels, side = found.pixels.shape[1:3]
    card = Card(source, found.read, {**found.dropped, **dropped}, {}, notes=found.notes)
    facts = {"channels": channels, "side": side, "is_ink": found.is_ink}
    chosen = {name: sorted(rows) for name, rows in chosen.items()}
    splits = parted(found.pixels, found.targets, chosen, found.labels, card, facts)
    check(splits, source, "picture")
    return splits


def _names(given: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """By what is given and what the hash says, the split: what the files leave open is taken from those to train on."""
    train = {TRAIN: TRAIN, VALIDATION: VALIDATION, TEST: TEST}
    for name in {VALIDATION, TEST} & set(given):
        train[name] = TRAIN
    return {"": train, TRAIN: train, **{name: dict.fromkeys(NAMES, name) for name in (VALIDATION, TEST)}}


def _check_classes(found: Found, rows: Mapping[int, int], source: str) -> None:
    if len(rows) < 2:
        only = f"only '{found.labels[next(iter(rows))]}'" if rows else "none"
        raise InvalidData(f"{source} has pictures of {only}; a classifier needs at least two classes")
    for target, label in enumerate(found.labels):
        if rows[target] < FEWEST:
            raise InvalidData(
                f"{source} has {rows[target]} usable pictures of '{label}', at least {FEWEST} are needed; "
                "add some, or leave the class out"
            )
