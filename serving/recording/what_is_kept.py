"""What of a request may be recorded: which routes, headers and parameters.

Rule: what is not named here is never in a recording, so that no key, cookie or password is.
"""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote, urlencode

_ROUTE = re.compile(
    r"/v2/models/(?P<v2>[^/?]+)(?:/versions/(?P<version>[^/?]+))?/(?:infer|generate|generate_stream)"
    r"|/v1/models/(?P<v1>[^/?]+)/(?:classify|detect|recommend|transcribe)"
    r"|/v1/(?:completions|chat/completions|embeddings|images/generations|audio/transcriptions)"
)
HEADERS = frozenset(
    [
        b"accept",
        b"accept-encoding",
        b"content-encoding",
        b"content-type",
        b"inference-header-content-length",
        b"x-request-timeout-ms",
    ]
)
_PARAMETERS = frozenset(["threshold", "top_k"])


def is_inference(path: str) -> bool:
    """Of a POST's path, without its query."""
    return _ROUTE.fullmatch(path) is not None


def model_and_version(path: str) -> tuple[str, str]:
    """That the path names, "" where it names none; what follows a `?` is passed over."""
    match = _ROUTE.match(path)
    if match is None:
        return "", ""
    return unquote(match["v2"] or match["v1"] or ""), match["version"] or ""


def kept_headers(headers: Iterable[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    """Their names are in small letters."""
    return tuple((name.decode(), value.decode("latin-1")) for name, value in headers if name in HEADERS)


def with_kept_query(path: str, query: str) -> str:
    kept = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name in _PARAMETERS]
    return f"{path}?{urlencode(kept)}" if kept else path
