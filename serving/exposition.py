"""Prometheus' text format, version 0.0.4: what stands before a metric's samples, and their labels.

Rule: any text may be a label's value.
"""

from collections.abc import Mapping


def head(name: str, kind: str, documentation: str) -> str:
    return f"# HELP {name} {documentation}\n# TYPE {name} {kind}\n"


def labels(values: Mapping[str, str]) -> str:
    """Sorted by name, as Triton prints them."""
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in sorted(values.items())) + "}"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
