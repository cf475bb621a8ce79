"""Prometheus' text format, version 0.0.4: what stands before a metric's samples, and their labels.

Rule: any text may be a label's value.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence


def head(name: str, kind: str, documentation: str) -> str:
    return f"# HELP {name} {documentation}\n# TYPE {name} {kind}\n"


def labels(values: Mapping[str, str]) -> str:
    """Sorted by name, as Triton prints them."""
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in sorted(values.items())) + "}"


def histogram_lines(
    name: str, labels_with: Callable[..., str], bounds: Sequence[str], counts: Sequence[int], total: float
) -> Iterator[str]:
    """`counts` are cumulative, one more than `bounds`; `labels_with(le=...)` adds one to a sample's own."""
    for bound, count in zip((*bounds, "+Inf"), counts, strict=True):
        yield f"{name}_bucket{labels_with(le=bound)} {count}\n"
    yield f"{name}_count{labels_with()} {counts[-1]}\n"
    yield f"{name}_sum{labels_with()} {total}\n"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
