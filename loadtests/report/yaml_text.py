"""Values as YAML, to be copied. Rule: only what a plan's values are made of: names, numbers, words and levels."""

from collections.abc import Iterator, Mapping
from typing import Any


def yaml_text(values: Mapping[str, Any]) -> str:
    return "\n".join(_lines(values, ""))


def _lines(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}:"
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{name}: {value}"
