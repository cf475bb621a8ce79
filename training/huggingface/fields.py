"""Values of a config.json, each of the kind that it should be.

Rule: a field that is absent or wrong is named, with what was expected and what came.
"""

from collections.abc import Mapping
from typing import Any

from serving.core.brief import brief
from training.errors import ImportRefused

Fields = Mapping[str, Any]

_MOST = 1 << 20
"""Of anything that is counted: there are tables of so many, and products of three such numbers."""


def count(fields: Fields, name: str, otherwise: int | None = None, most: int = _MOST) -> int:
    """All of these take null for an absent field, and raise `ImportRefused`."""
    found = fields.get(name)
    found = otherwise if found is None else found
    if type(found) is int and 1 <= found <= most:
        return found
    raise _wrong(fields, name, f"a number from 1 to {most}")


def real(fields: Fields, name: str, otherwise: float | None = None) -> float:
    found = fields.get(name)
    found = otherwise if found is None else found
    if isinstance(found, int | float) and type(found) is not bool and 0 < found < float("inf"):
        return float(found)
    raise _wrong(fields, name, "a number above 0")


def flag(fields: Fields, name: str, otherwise: bool = False) -> bool:
    found = fields.get(name)
    found = otherwise if found is None else found
    if type(found) is bool:
        return found
    raise _wrong(fields, name, "true or false")


def must_be(fields: Fields, name: str, only: object) -> None:
    """A field that may be absent, of which one value is served."""
    if (found := fields.get(name)) not in (None, only):
        raise ImportRefused(f"config.json: '{name}' is {brief(found)}, of which only {brief(only)} is served")


def _wrong(fields: Fields, name: str, expected: str) -> ImportRefused:
    came = f"is {brief(fields[name])}" if name in fields else "is absent"
    return ImportRefused(f"config.json: '{name}' {came}, {expected} is expected; take the one the model came with")
