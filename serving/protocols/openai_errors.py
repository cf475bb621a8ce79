"""What went wrong, as OpenAI's clients read it.

Rule: the message is the error's own; `type` and `code` are OpenAI's words where it has one for this.
"""

from serving.errors import (
    BodyTooLarge,
    Cancelled,
    ContextTooLong,
    DeadlineExceeded,
    Forbidden,
    InvalidInput,
    ModelNotFound,
    ModelNotReady,
    Overloaded,
    ServerExiting,
    SlipwayError,
    Unauthenticated,
)
from serving.protocols import json_text, sse

_INVALID, _SERVER = "invalid_request_error", "server_error"

TYPES: dict[type[SlipwayError], tuple[str, str | None]] = {
    SlipwayError: (_SERVER, None),
    InvalidInput: (_INVALID, None),
    ContextTooLong: (_INVALID, "context_length_exceeded"),
    BodyTooLarge: (_INVALID, "request_too_large"),
    ModelNotFound: ("not_found_error", "model_not_found"),
    ModelNotReady: (_SERVER, "model_not_ready"),
    Unauthenticated: (_INVALID, "invalid_api_key"),
    Forbidden: ("permission_error", "insufficient_permissions"),
    Overloaded: ("rate_limit_error", "rate_limit_exceeded"),
    DeadlineExceeded: (_SERVER, "timeout"),
    Cancelled: (_INVALID, "cancelled"),
    ServerExiting: (_SERVER, "server_shutting_down"),
}


def encode(error: SlipwayError) -> bytes:
    kind, code = next(TYPES[each] for each in type(error).__mro__ if each in TYPES)
    param = "model" if isinstance(error, ModelNotFound) else None
    if isinstance(error, InvalidInput):
        param, code = error.param or None, error.code or code
    return _encoded(str(error), kind, param, code)


def of_no_route(message: str) -> bytes:
    return _encoded(message, _INVALID, None, "unknown_url")


def event(error: SlipwayError) -> bytes:
    """For a stream that has begun."""
    return sse.event(encode(error))


def _encoded(message: str, kind: str, param: str | None, code: str | None) -> bytes:
    return json_text.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}})
