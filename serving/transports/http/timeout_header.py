"""How long a caller will wait, as a header says: what can't be answered by then is refused, or given up.

Rule: the shorter one of the header and the request's own `timeout` counts.
"""

from starlette.requests import Request

from serving.core.requests import InferRequest
from serving.errors import InvalidInput
from serving.protocols.timeout_text import seconds_of

TIMEOUT = "x-request-timeout-ms"

TIMEOUT_PARAMETER = {
    "name": "X-Request-Timeout-Ms",
    "in": "header",
    "required": False,
    "schema": {"type": "number", "exclusiveMinimum": 0},
    "description": "Milliseconds that the caller will wait; a request that can't be answered by then is refused.",
}
"""For OpenAPI."""


def within_header(request: Request, inference: InferRequest) -> InferRequest:
    """Raises `InvalidInput`."""
    return inference.within(seconds_in(request))


def seconds_in(request: Request) -> float | None:
    """None without the header. Raises `InvalidInput`."""
    text = request.headers.get(TIMEOUT)
    if text is None:
        return None
    seconds = seconds_of(text)
    if seconds is None:
        raise InvalidInput(
            f"the header X-Request-Timeout-Ms must be a number of milliseconds above 0, got {text[:50]!r}"
        )
    return seconds
