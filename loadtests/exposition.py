"""Prometheus' text format, as far as a load test reads it. Rule: what is no line of a sample is passed over."""

import re
from collections.abc import Iterator

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)", re.MULTILINE)


def samples(text: str) -> Iterator[tuple[str, str, str]]:
    """Name, labels and value of each, as they are written: in what is no exposition a value may be any word."""
    yield from _SAMPLE.findall(text)
