"""Whatever pictures a person gives, or scikit-learn's digits where none are given, split and described."""

import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from training.data import digits
from training.data.splits import Splits
from training.display import watched
from training.errors import InvalidConfig, InvalidData
from training.images import folder, idx
from training.images.augment import Augmentation
from training.images.found import Found, splits_of
from training.images.options import Options
from training.settings import Value
from training.terminal import console


def load(source: Path | None, options: Mapping[str, Value]) -> Splits:
    """The facts tell how training pictures are to be changed. Raises `InvalidData`, and `InvalidConfig` for options
    that don't fit."""
    augmentation = Augmentation.of(options)
    splits = _splits(source, Options.of(options))
    augmentation.check_labels(splits.labels)
    return replace(splits, facts={**splits.facts, "augmentation": asdict(augmentation)})


def _splits(source: Path | None, options: Options) -> Splits:
    if source is not None:
        return splits_of(_found(source, options), str(source))
    if options != Options():
        raise InvalidConfig("data.side and data.channels are for pictures that are given with --data")
    return digits.load()


def _found(source: Path, options: Options) -> Found:
    if not source.is_dir():
        what = "is a file" if source.exists() else "does not exist"
        raise InvalidData(f"{source} {what}; give a folder with {_EXPECTED}")
    if idx.has(source):
        return idx.read(source, options)
    if folder.has(source):
        is_first = os.environ.get("RANK", "0") == "0"  # of torchrun's processes
        return folder.read(source, options, watched("reading", console(is_first)))
    raise InvalidData(f"{source} has no pictures to learn from; expected is a folder with {_EXPECTED}")


_EXPECTED = "a subfolder of pictures for each class, or with IDX files such as train-images-idx3-ubyte"
