"""A data set as train, validation and test rows.

Rule: the split has its own fixed seed, so that models trained with different seeds are tested on the same rows.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import Tensor

_SPLIT_SEED = 20
_HELD_OUT = 0.2  # of all rows, for validation and for test each


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """`features` float32 [rows, ...] in the units of the model's input, `labels` int64 [rows]."""

    features: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    train: Split
    validation: Split
    test: Split

    def fingerprint(self) -> str:
        """sha256 over the bytes of every tensor: equal only for the same rows, split and ordered the same way."""
        digest = hashlib.sha256()
        for split in (self.train, self.validation, self.test):
            for tensor in (split.features, split.labels):
                digest.update(repr(tuple(tensor.shape)).encode())
                digest.update(tensor.numpy().tobytes())
        return digest.hexdigest()


def stratified(features: np.ndarray, labels: np.ndarray) -> Splits:
    """60 % train, 20 % validation, 20 % test, with the classes in the same proportions in each."""
    rows = np.arange(len(labels))
    rest, test = train_test_split(rows, test_size=_HELD_OUT, stratify=labels, random_state=_SPLIT_SEED)
    train, validation = train_test_split(
        rest, test_size=_HELD_OUT / (1 - _HELD_OUT), stratify=labels[rest], random_state=_SPLIT_SEED
    )
    return Splits(*(_rows(features, labels, chosen) for chosen in (train, validation, test)))


def _rows(features: np.ndarray, labels: np.ndarray, chosen: np.ndarray) -> Split:
    return Split(
        torch.from_numpy(features[chosen].astype(np.float32)), torch.from_numpy(labels[chosen].astype(np.int64))
    )
