"""How requests are described on a command line. Rule: what can't be meant is told with an example of what can."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from loadtests.inputs.wanted import Span
from loadtests.terms import UnknownTerms

_MOST = 2**31


def shapes(texts: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Raises `UnknownTerms`."""
    return dict(map(_shape, texts))


def values(texts: Iterable[str]) -> dict[str, Span]:
    """Raises `UnknownTerms`."""
    return dict(map(_values, texts))


def span(option: str, text: str | None) -> Span | None:
    """Raises `UnknownTerms`."""
    if text is None:
        return None
    found = _span(text)
    if found is None or found.low < 1:
        raise UnknownTerms(f"{option} is how many, as in 128, or 32..512 for any number between; not '{text[:40]}'")
    return found


def extra(text: str | None) -> Mapping[str, Any]:
    """Raises `UnknownTerms`."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UnknownTerms(f"--extra is a JSON object, as in '{{\"temperature\": 0}}'; not '{str(text)[:80]}'")
    return found


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    name, _, dims = text.rpartition(":")
    try:
        shape = tuple(int(dim) for dim in dims.split(","))
    except ValueError:
        shape = (-1,)
    if not name or not all(0 <= dim < _MOST for dim in shape):
        raise UnknownTerms(f"--shape is an input and its dimensions, as in image:3,224,224; not '{text[:80]}'")
    return name, shape


def _values(text: str) -> tuple[str, Span]:
    name, _, numbers = text.rpartition(":")
    found = _span(numbers)
    if not name or found is None:
        raise UnknownTerms(
            f"--values is an input and its least and largest number, as in index:0..9; not '{text[:80]}'"
        )
    return name, found


def _span(text: str) -> Span | None:
    low, dots, high = text.partition("..")
    try:
        found = Span(int(low), int(high) if dots else int(low))
    except ValueError:
        return None
    return found if -_MOST < found.low <= found.high < _MOST else None
