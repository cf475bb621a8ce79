"""The columns of a table as a model takes them, and `columns.json` beside the model's file, which names them.

Rule: each value is one number: a number is itself, a category its place among its `values`.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from serving.core.brief import brief
from serving.errors import ModelLoadFailed

FILENAME = "columns.json"
MISSING = math.nan
UNLISTED = -1.0
"""A category's value that is none of its `values`."""

NUMBER, CATEGORY = "number", "category"

ABSENT = frozenset(("", "na", "n/a", "nan", "null", "?"))
"""Texts that stand for nothing, in small letters."""

_FRACTION = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"-?[0-9]+")
_MOST_SHOWN = 40  # columns
_MOST_VALUES = 5  # of each


@dataclass(frozen=True, slots=True)
class Column:
    """`values` gives a category's values, in order, the number that stands for each; numbers have none. `places` gives
    it to whatever else means the same."""

    name: str
    values: Mapping[str, int]
    places: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)

    def __str__(self) -> str:
        """`age (number)`, `colour (red, blue)`."""
        shown = [*list(self.values)[:_MOST_VALUES], *(["..."] if len(self.values) > _MOST_VALUES else [])]
        return f"{self.name[:100]} ({', '.join(value[:50] for value in shown) or NUMBER})"


def number(name: str) -> Column:
    return Column(name, {})


def category(name: str, values: Sequence[str]) -> Column:
    """Of values that mean the same, what is written like one is that, and all else the first."""
    exact = {value: place for place, value in enumerate(values)}
    meant = {text: place for value, place in reversed(exact.items()) if (text := text_of(value)) is not None}
    return Column(name, exact, meant | exact)


def place(column: Column, value: str | bool | int | float | None) -> float:
    """Of a category's value: a number of `values`, `UNLISTED` or `MISSING`."""
    if type(value) is str and value in column.places:
        return column.places[value]
    text = text_of(value)
    return MISSING if text is None else column.places.get(text, UNLISTED)


def text_of(value: str | bool | int | float | None) -> str | None:
    """What a table's cell says, the same whether it came as a text, a number or a truth; None for nothing. 3, 3.0 and
    " 3.0" are `3`; codes such as 007 stay as they are."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case str():
            return _read(value.strip())
        case int():
            return str(value)
    return _written(value) if math.isfinite(value) else None


def _read(text: str) -> str | None:
    lower = text.lower()
    if lower in ABSENT:
        return None
    if lower in ("true", "false"):
        return lower
    if _FRACTION.fullmatch(text) and not _WHOLE.fullmatch(text) and math.isfinite(found := float(text)):
        return _written(found)
    return "0" if text == "-0" else text


def _written(found: float) -> str:
    return str(int(found)) if found.is_integer() else repr(found)


def described(columns: Sequence[Column]) -> str:
    """What a caller needs to know of them; the first of many."""
    more = f" and {len(columns) - _MOST_SHOWN} more" if len(columns) > _MOST_SHOWN else ""
    return ", ".join(map(str, columns[:_MOST_SHOWN])) + more


def encode(columns: Sequence[Column]) -> bytes:
    """A column on each line."""
    lines = (json.dumps(document(column), ensure_ascii=False) for column in columns)
    return ('{"columns": [\n  ' + ",\n  ".join(lines) + "\n]}\n").encode()


def document(column: Column) -> dict[str, Any]:
    """As it is listed."""
    if column.values:
        return {"name": column.name, "kind": CATEGORY, "values": list(column.values)}
    return {"name": column.name, "kind": NUMBER}


def decode(content: bytes) -> tuple[Column, ...]:
    """Raises `ModelLoadFailed` naming what is wrong."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelLoadFailed(f"{FILENAME} is no JSON: {error}") from None
    listed = found.get("columns") if type(found) is dict else None
    if type(listed) is not list or not listed:
        raise ModelLoadFailed(
            f'{FILENAME} must be an object such as {{"columns": [{{"name": "age", "kind": "number"}}]}}'
        )
    columns = tuple(map(column_of, listed, (f"{FILENAME}: columns[{place}]" for place in range(len(listed)))))
    name, times = Counter(column.name for column in columns).most_common(1)[0]
    if times > 1:
        raise ModelLoadFailed(f"{FILENAME} names column {brief(name)} more than once")
    return columns


def column_of(found: Any, where: str = FILENAME) -> Column:
    """What `document` gave. Raises `ModelLoadFailed`."""
    if type(found) is not dict:
        raise ModelLoadFailed(f"{where} must be an object, got {brief(found)}")
    name, kind = found.get("name"), found.get("kind")
    if type(name) is not str or not name:
        raise ModelLoadFailed(f"{where}.name must be a text, got {brief(name)}")
    if kind not in (NUMBER, CATEGORY):
        raise ModelLoadFailed(f"{where}.kind must be '{NUMBER}' or '{CATEGORY}', got {brief(kind)}")
    return category(name, _values(where, found.get("values"))) if kind == CATEGORY else number(name)


def _values(where: str, values: Any) -> list[str]:
    if type(values) is not list or not values or not all(type(value) is str for value in values):
        raise ModelLoadFailed(f"{where}.values must be a list of texts, got {brief(values)}")
    if len(set(values)) < len(values):
        raise ModelLoadFailed(f"{where}.values holds a text more than once")
    return values
