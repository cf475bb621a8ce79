"""Who had what, and when: the rows of a person's own table, or of the made-up shop.

Rule: rows are in the order of time, where the table has one, else in their own; nothing is dropped here.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from serving.core.brief import brief
from training.config import check
from training.data import shop, tables
from training.errors import InvalidData
from training.settings import Value

USER, ITEM, TIME = "user", "item", "time"


@dataclass(frozen=True, slots=True)
class Interaction:
    """ "" where a value is missing."""

    user: str
    item: str


@dataclass(frozen=True, slots=True)
class Options:
    """`length` is how many of a user's last items are looked at; users with fewer than `least_items`, and items with
    fewer than `least_users`, are left out. Raises `InvalidConfig`."""

    user: str = USER
    item: str = ITEM
    time: str = TIME
    length: int = 20
    least_items: int = 3
    least_users: int = 3

    def __post_init__(self) -> None:
        check("data.length", self.length, 1 <= self.length <= 1000, "from 1 to 1000")
        check("data.least_items", self.least_items, self.least_items >= 2, "at least 2: one to learn from, one to find")
        check("data.least_users", self.least_users, self.least_users >= 1, "at least 1")

    @classmethod
    def of(cls, options: Mapping[str, Value]) -> "Options":
        return cls(**options)  # type: ignore[arg-type]


def read(source: Path | None, options: Options) -> list[Interaction]:
    """Raises `InvalidData`."""
    if source is None:
        return [Interaction(user, item) for user, item, _ in shop.purchases()]
    table = tables.read(
        source, [options.user, options.item, *([options.time] if options.time not in ("", TIME) else [])]
    )
    rows = [
        Interaction(_text(user), _text(item)) for user, item in table.select(options.user, options.item).iter_rows()
    ]
    if options.time not in table.columns:
        return rows
    moments = [_moment(value, number, options.time) for number, value in enumerate(table[options.time].to_list(), 1)]
    return _in_order(rows, moments, options.time)


def _in_order(
    rows: Sequence[Interaction], moments: Sequence[float | datetime | None], column: str
) -> list[Interaction]:
    """Rows without a time are not known to be before or after others: theirs is missing, as a user's would be."""
    kinds = {type(moment) for moment in moments if moment is not None}
    if len(kinds) > 1:
        raise InvalidData(f"column '{column}' has numbers in some rows and dates in others; write all in one way")
    known = [place for place, moment in enumerate(moments) if moment is not None]
    known.sort(key=lambda place: moments[place])  # type: ignore[arg-type,return-value]
    return [rows[place] for place in known] + [Interaction("", "") for moment in moments if moment is None]


def _moment(value: Any, row: int, column: str) -> float | datetime | None:
    """Numbers, and dates as ISO 8601 writes them; None for nothing. Times of day without a zone are UTC's."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if isinstance(value, datetime):
        return value.replace(tzinfo=None) - (value.utcoffset() or timedelta())
    try:
        return None if math.isnan(number := float(value)) else number
    except (TypeError, ValueError):
        pass
    try:
        return _moment(datetime.fromisoformat(value.strip()), row, column)
    except (AttributeError, ValueError):
        expected = "a number, or a date such as 2024-03-07 or 2024-03-07T12:30:00"
        raise InvalidData(f"row {row} has in column '{column}' {brief(value)}, which should be {expected}") from None


def _text(value: Any) -> str:
    """On one line, as a file of labels has it; a whole number without its `.0`, which tables with gaps add."""
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    return "" if value is None or value != value else " ".join(str(value).split())
