"""A table's columns as numbers or texts, null where nothing is known.

Rule: a column of texts that are all numbers is one of numbers, and truth is 0 and 1, whatever file they came in; what
is neither number nor text is left out, and said.
"""

from dataclasses import dataclass

import polars as pl

from serving.core.columns import text_of
from training.errors import InvalidData

_TRUTHS = {"true": 1.0, "false": 0.0}
_LARGEST = 3.4028234663852886e38  # of FP32
_MOSTLY = 0.9  # of a column's texts are numbers, so that the others are mistakes rather than a kind of text
_NAMES = 20  # different numbers that may be names, such as those of shops, beside other texts
_DECIMAL_COMMA = r"^-?\d+,\d+$"


@dataclass(frozen=True, slots=True, eq=False)
class Typed:
    """`values` is Float32 with finite numbers only, or String."""

    values: pl.Series
    infinite: int = 0
    """Numbers that were, or were too large, and are null."""

    @property
    def name(self) -> str:
        return self.values.name

    @property
    def is_number(self) -> bool:
        return self.values.dtype == pl.Float32


@dataclass(frozen=True, slots=True)
class LeftOut:
    """`reason` is a sentence about the column."""

    name: str
    reason: str


def typed(column: pl.Series, is_category: bool, most_values: int) -> Typed | LeftOut:
    """Numbers of a column that `is_category` become texts. Raises `InvalidData` for numbers with a few mistakes."""
    kind = column.dtype
    if kind == pl.Null:
        return LeftOut(column.name, "is empty")
    if kind == pl.Boolean or kind.is_numeric():
        return _of_texts(texts_of(column), most_values) if is_category else _of_numbers(column.cast(pl.Float64))
    if kind not in (pl.String, pl.Categorical, pl.Enum):
        return LeftOut(column.name, f"is neither numbers nor texts, but {kind}")
    texts = texts_of(column)
    return _of_texts(texts, most_values) if is_category else _read(texts, most_values)


def texts_of(column: pl.Series) -> pl.Series:
    """As the server reads the same values; null where there is nothing."""
    if column.dtype.is_float():
        column = column.set(~column.is_finite(), None)
    texts = column.cast(pl.String)  # which writes 32 bits of a float as short as can be, as JSON has them
    meant = {text: text_of(text) for text in texts.drop_nulls().unique()}
    return texts.replace_strict(meant, default=None, return_dtype=pl.String)


def _read(texts: pl.Series, most_values: int) -> Typed | LeftOut:
    count = texts.len() - texts.null_count()
    lower = texts.str.to_lowercase()
    if count and lower.drop_nulls().is_in(list(_TRUTHS)).all():
        return Typed(lower.replace_strict(_TRUTHS, return_dtype=pl.Float32))
    numbers = texts.cast(pl.Float64, strict=False)
    others = texts.filter(texts.is_not_null() & numbers.is_null())
    if count and others.is_empty():
        return _of_numbers(numbers)
    if count and others.str.contains(_DECIMAL_COMMA).all():
        raise InvalidData(
            f"column '{texts.name}' has decimal commas, such as '{others[0][:50]}'; write points, or leave the column "
            f"out: --set data.drop={texts.name}"
        )
    if numbers.drop_nulls().n_unique() > _NAMES and len(others) <= (1 - _MOSTLY) * count:
        raise InvalidData(
            f"column '{texts.name}' has numbers and {len(others)} texts that are none, such as '{others[0][:50]}'; "
            f"correct them, leave them empty, or leave the column out: --set data.drop={texts.name}"
        )
    return _of_texts(texts, most_values)


def _of_numbers(numbers: pl.Series) -> Typed:
    """-0 becomes 0, which is the same."""
    fits = numbers.abs() <= _LARGEST
    infinite = (~fits & ~numbers.is_nan()).sum()
    return Typed(numbers.set(~fits, None).set(numbers == 0, 0.0).cast(pl.Float32), int(infinite))


def _of_texts(texts: pl.Series, most_values: int) -> Typed | LeftOut:
    different = texts.drop_nulls().n_unique()
    if different > most_values:
        example = texts.drop_nulls()[0][:50]
        reason = f"has {different} different texts such as '{example}', more than data.most_values={most_values}"
        return LeftOut(texts.name, reason)
    return Typed(texts)
