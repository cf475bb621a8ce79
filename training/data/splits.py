"""Rows with labels, as those to train on, to validate with, and to test on.

Rule: a row's own content decides its split, so that equal rows are never on both sides, whatever else the data holds.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from training.data.card import Card
from training.data.fingerprint import fingerprint
from training.errors import InvalidData

NAMES = ("train", "validation", "test")

_TRAIN, _VALIDATION = 0.6, 0.2  # of all keys; the rest is for the test


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """`features` float32, or uint8 where they are pixels, [rows, ...] in the units of the model's input; `labels` int64
    [rows]. `groups`, by name, tell each row's group, such as who wrote it."""

    features: Tensor
    labels: Tensor
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """`labels[i]` names class i."""

    train: Split
    validation: Split
    test: Split
    labels: tuple[str, ...]
    card: Card
    facts: Mapping[str, Any] = field(default_factory=dict)
    """JSON: what, beside hyper-parameters, rebuilds and serves a model of this data."""

    def fingerprint(self) -> str:
        """sha256 over the bytes of every tensor: equal only for the same rows, split and ordered the same way."""
        splits = (self.train, self.validation, self.test)
        return fingerprint(tensor.numpy() for split in splits for tensor in (split.features, split.labels))


def numbers(features: Tensor) -> Tensor:
    """Pixels as float32, which takes four times the memory; anything else as it is."""
    return features.float() if features.dtype == torch.uint8 else features


def split_of(key: bytes) -> str:
    """One of `NAMES`: of all keys 60 % train, 20 % validation and 20 % test."""
    share = share_of(key)
    return NAMES[0] if share < _TRAIN else NAMES[1] if share < _TRAIN + _VALIDATION else NAMES[2]


def share_of(key: bytes) -> float:
    """From 0 to below 1, spread evenly over all keys, and the same for a key wherever it is asked."""
    return int.from_bytes(hashlib.sha256(key).digest()[:8], "big") / 2**64


def by_content(
    features: np.ndarray, targets: np.ndarray, labels: tuple[str, ...], source: str, facts: Mapping[str, Any]
) -> Splits:
    """Of rows that come twice the first is kept; of those that come with different labels, none."""
    rows = features.astype(np.float32) + np.float32(0)  # -0 becomes 0, whose bytes are others
    keys = [row.tobytes() for row in rows]
    kept, dropped = unique(keys, targets.tolist())
    chosen = {name: [row for row in kept if split_of(keys[row]) == name] for name in NAMES}
    return parted(rows, targets, chosen, labels, Card(source, len(rows), dropped, {}), facts)


def parted(
    rows: np.ndarray,
    targets: np.ndarray,
    chosen: Mapping[str, Sequence[int] | np.ndarray],
    labels: tuple[str, ...],
    card: Card,
    facts: Mapping[str, Any],
) -> Splits:
    """Those `chosen` for each split, by its name; the card gets what is kept."""
    at = {name: np.asarray(chosen[name], np.int64) for name in NAMES}
    train, validation, test = (
        Split(torch.from_numpy(rows[at[name]]), torch.from_numpy(targets[at[name]].astype(np.int64))) for name in NAMES
    )
    kept = {name: len(at[name]) for name in NAMES}
    classes = {name: counts(targets[at[name]], labels) for name in NAMES}
    card = replace(card, kept=kept, classes=classes)
    return Splits(train, validation, test, labels, card, {"labels": list(labels), **facts})


def check(splits: Splits, source: str, thing: str) -> None:
    """Raises `InvalidData` where there is nothing of a split, or of a class to train on; a row is a `thing`."""
    for name, rows in splits.card.kept.items():
        if not rows:
            raise InvalidData(f"{source} has too few different {thing}s: none came to the {name} split; add some")
    for label, rows in splits.card.classes[NAMES[0]].items():
        if not rows:
            raise InvalidData(f"{source} has no {thing} of '{label}' to train on, all of them are held out; add some")


def unique(keys: Sequence[bytes], targets: Sequence[int]) -> tuple[list[int], dict[str, int]]:
    """The rows to keep, in order, and how many were dropped for which reason."""
    said = defaultdict(set)
    for key, target in zip(keys, targets, strict=True):
        said[key].add(target)
    first: dict[bytes, int] = {}
    for row, key in enumerate(keys):
        if len(said[key]) == 1:
            first.setdefault(key, row)
    contradicting = sum(len(said[key]) > 1 for key in keys)
    reasons = {"duplicate": len(keys) - contradicting - len(first), "contradicting labels": contradicting}
    return list(first.values()), {reason: count for reason, count in reasons.items() if count}


def counts(targets: np.ndarray, labels: tuple[str, ...]) -> dict[str, int]:
    """Rows of each label, those of none included."""
    return dict(zip(labels, np.bincount(targets, minlength=len(labels)).tolist(), strict=True))
