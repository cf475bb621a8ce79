"""From a table as it was read to rows that a network can learn from and be tested on.

Rule: a row's own features decide its split, so that equal ones are never on both sides; every row is kept, or counted
with the reason why not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO

import numpy as np
import polars as pl
import polars.selectors as cs

from serving.core import columns
from serving.core.brief import what_it_has
from serving.core.did_you_mean import nearest
from training.data.card import Card
from training.data.splits import NAMES, Split, Splits, check, parted, split_of
from training.errors import InvalidData
from training.tabular.classes import Classes, class_texts, classes_of
from training.tabular.features import Feature, described, feature
from training.tabular.groups import groups_of
from training.tabular.options import Options
from training.tabular.typed import LeftOut, Typed, texts_of, typed

_TRAIN = NAMES[0]
_LIKELY = 0.75  # to be the column that was meant

Parts = Mapping[str, np.ndarray]
"""The rows of each split, by its name."""


def splits_of(table: pl.DataFrame, options: Options, source: str) -> Splits:
    """Raises `InvalidData`."""
    _check_columns(table, options, source)
    rows, dropped = _cleaned(table, options)
    classes = classes_of(rows[options.target], source, _order(table[options.target]))
    read = [
        typed(rows[name], name in options.categories, options.most_values)
        for name in rows.columns
        if name not in (options.target, *options.drop)
    ]
    known = [column for column in read if isinstance(column, Typed)]
    parts = _parts(known, len(rows))
    made = [feature(column, parts[_TRAIN]) for column in known]
    left_out = [it for it in (*read, *made) if isinstance(it, LeftOut)]
    features = [it for it in made if isinstance(it, Feature)]
    if not features:
        raise InvalidData(
            f"{source} has no column to learn from: {'; '.join(map(_told, left_out)) or 'all are dropped'}"
        )
    notes = (*map(_told, left_out), *(_infinite(column) for column in known if column.infinite))
    told = Card(source, len(table), dropped, {}, {}, tuple(map(described, features)), notes)
    splits = _splits(features, classes, parts, groups_of(rows, options.slices, parts[_TRAIN]), told)
    check(splits, source, "row")
    return splits


def _check_columns(table: pl.DataFrame, options: Options, source: str) -> None:
    for option, names in options.named.items():
        for name in names:
            if name not in table.columns:
                found = nearest(name, table.columns, _LIKELY)
                meant = f"; did you mean {found}?" if found else what_it_has(table.columns)
                raise InvalidData(f"{source} has no column '{name}', which data.{option} names{meant}")


def _cleaned(table: pl.DataFrame, options: Options) -> tuple[pl.DataFrame, dict[str, int]]:
    """With classes as texts; and how many rows were dropped for which reason."""
    rows = table.with_columns(class_texts(table[options.target]))
    labelled = rows.filter(pl.col(options.target).is_not_null())
    kept = labelled if options.keep_duplicates else _without_duplicates(labelled)
    dropped = {"no class": len(rows) - len(labelled), "duplicate": len(labelled) - len(kept)}
    return kept, {reason: count for reason, count in dropped.items() if count}


def _order(column: pl.Series) -> list[str]:
    """That of its values, where it has one of its own."""
    if not isinstance(column.dtype, pl.Enum):
        return []
    return texts_of(column.dtype.categories).unique(maintain_order=True).to_list()


def _without_duplicates(rows: pl.DataFrame) -> pl.DataFrame:
    """The first of those that are equal in all columns, dropped ones too: two people may be alike in the others."""
    first: dict[bytes, int] = {}
    for row, content in enumerate(_contents(rows)):
        first.setdefault(content, row)
    return rows[list(first.values())]


def _parts(known: Sequence[Typed], rows: int) -> Parts:
    """By content, in whatever order the columns are."""
    ordered = sorted((column.values for column in known), key=lambda values: values.name)
    found = np.array([split_of(content) for content in _contents(pl.DataFrame(ordered))] or ["none"] * rows)
    return {name: np.flatnonzero(found == name) for name in NAMES}


def _contents(rows: pl.DataFrame) -> list[bytes]:
    lines = BytesIO()
    rows.select(~(cs.binary() | cs.object())).write_ndjson(lines)
    return lines.getvalue().splitlines()


def _splits(
    features: Sequence[Feature], classes: Classes, parts: Parts, groups: Mapping[str, tuple[str, ...]], told: Card
) -> Splits:
    numbers = np.stack([made.numbers for made in features], axis=1)
    facts = {
        "columns": [columns.document(made.column) for made in features],
        "gaps": [place for place, made in enumerate(features) if made.has_gaps],
    }
    splits = parted(numbers, classes.targets, parts, classes.labels, told, facts)

    def grouped(split: Split, rows: np.ndarray) -> Split:
        return replace(split, groups={name: tuple(of_all[row] for row in rows) for name, of_all in groups.items()})

    train, validation, test = (grouped(getattr(splits, name), parts[name]) for name in NAMES)
    return replace(splits, train=train, validation=validation, test=test)


def _told(column: LeftOut) -> str:
    return f"column '{column.name}' is left out: it {column.reason}"


def _infinite(column: Typed) -> str:
    return f"column '{column.name}' has {column.infinite} infinite or too large numbers, which are taken as missing"
