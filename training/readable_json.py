"""JSON for files that people read: indented, with each list of numbers on one line."""

import json
import re
from typing import Any

# A line break right after the bracket is layout: inside a string it would be escaped. No list, object or string within.
_FLAT_LIST = re.compile(r"\[\n\s*([^][{}\"]+?)\n\s*\]")


def encode(document: dict[str, Any]) -> bytes:
    """UTF-8, ending in a newline."""
    return _FLAT_LIST.sub(_on_one_line, json.dumps(document, indent=2)).encode() + b"\n"


def _on_one_line(found: re.Match[str]) -> str:
    return f"[{' '.join(found[1].split())}]"
