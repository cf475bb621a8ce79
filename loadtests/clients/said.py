"""What a server said of a request that it did not answer. Rule: its own words, on one line and not too many."""

import json
from typing import Any

_LONGEST = 300  # characters


def shortened(text: str, longest: int = _LONGEST) -> str:
    words = " ".join(text.split())
    return words if len(words) <= longest else f"{words[:longest]}..."


def said(document: Any, longest: int = _LONGEST) -> str:
    """Of an error's document as Triton, OpenAI or FastAPI have it."""
    found = document
    if isinstance(document, dict):
        found = document.get("error") or document.get("message") or document.get("detail") or document
    if isinstance(found, dict) and isinstance(found.get("message"), str):
        found = found["message"]
    return shortened(found if isinstance(found, str) else json.dumps(found), longest)


def said_in(body: bytes, longest: int = _LONGEST) -> str:
    try:
        return said(json.loads(body), longest)
    except ValueError:
        return shortened(body.decode(errors="replace"), longest)


def status_said(document: dict[str, Any]) -> int:
    """Of an error that came inside a stream, whose own status was 200."""
    error = document.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 500
