"""The column of classes: what it says of each row, and whether classes can be learnt from it.

Rule: classes are texts, in the order that the column itself has, of their numbers, or of the alphabet; few rows of one
are refused before anything is trained.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from training.errors import InvalidData
from training.tabular.typed import texts_of

FEWEST = 5  # rows of a class


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """`labels[targets[row]]` is the class of a row."""

    labels: tuple[str, ...]
    targets: np.ndarray


def class_texts(column: pl.Series) -> pl.Series:
    """Null where there is none. Raises `InvalidData` for what are no classes."""
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        raise InvalidData(
            f"column '{column.name}' must hold classes as texts or numbers, not {column.dtype}; {_CHOOSE}"
        )
    if column.dtype.is_float() and len(broken := column.filter(column != column.floor()).drop_nans()):
        raise InvalidData(f"column '{column.name}' holds numbers such as {broken[0]:g}, not classes; {_CHOOSE}")
    return texts_of(column)


def classes_of(texts: pl.Series, source: str, order: Sequence[str] = ()) -> Classes:
    """Of rows that all have one; `order` names all classes, where it is known. Raises `InvalidData` for fewer than two
    classes, and for those of a few rows."""
    rows = Counter(texts.to_list())
    if len(rows) < 2:
        only = f"only '{next(iter(rows))}'" if rows else "nothing"
        raise InvalidData(f"{source} has {only} in column '{texts.name}'; a classifier needs at least two classes")
    rare = [label for label, count in rows.items() if count < FEWEST]
    if len(rare) > len(rows) / 2 and len(rows) > FEWEST:
        raise InvalidData(
            f"column '{texts.name}' of {source} has {len(rows)} different values in {len(texts)} rows, too many to be "
            f"classes; {_CHOOSE}"
        )
    if rare:
        raise InvalidData(
            f"{source} has {rows[rare[0]]} usable rows of class '{rare[0]}', at least {FEWEST} are needed; add some or "
            "take these rows out"
        )
    labels = tuple(label for label in order if label in rows) or tuple(_ordered(rows))
    places = {label: place for place, label in enumerate(labels)}
    return Classes(labels, np.array([places[text] for text in texts], np.int64))


def _ordered(labels: Counter[str]) -> list[str]:
    numbers = all(re.fullmatch(r"-?\d{1,100}", label) for label in labels)
    return sorted(labels, key=int) if numbers else sorted(labels)


_CHOOSE = "--set data.target=NAME says which column holds the classes"
