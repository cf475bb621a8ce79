"""What went wrong, as OpenAI's clients read it.

Rule: the message is the error's own; `type` and `code` are OpenAI's words where it has one for this.
"""

from serving import errors
from serving.errors import SlipwayError
from serving.protocols import json_text, sse

_INVALID, _SERVER = "invalid_request_error", "server_error"

TYPES: dict[type[SlipwayError], tuple[str, str | None]] = {
    SlipwayError: (_SERVER, None),
    errors.InvalidInput: (_INVALID, None),
    errors.ContextTooLong: (_INVALID, "context_length_exceeded"),
    errors.BodyTooLarge: (_INVALID, "request_too_large"),
    errors.ModelNotFound: ("not_found_error", "model_not_found"),
    errors.ModelNotReady: (_SERVER, "model_not_ready"),
    errors.Overloaded: ("rate_limit_error", "rate_limit_exceeded"),
    errors.DeadlineExceeded: (_SERVER, "timeout"),
    errors.Cancelled: (_INVALID, "cancelled"),
    errors.ServerExiting: (_SERVER, "server_shutting_down"),
}


def encode(error: SlipwayError) -> bytes:
    kind, code = next(TYPES[each] for each in type(error).__mro__ if each in TYPES)
    param = "model" if isinstance(error, errors.ModelNotFound) else None
    if isinstance(error, errors.InvalidInput):
        param, code = error.param or None, error.code or code
    return json_text.dumps({"error": {"message": str(error), "type": kind, "param": param, "code": code}})


def event(error: SlipwayError) -> bytes:
    """For a stream that has begun."""
    return sse.event(encode(error))
