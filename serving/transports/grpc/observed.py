"""Around a call: it is a visit, which its task and all that it starts can look up.

Rule: a caller finds its request's id and its place in the trace in the trailing metadata, errors' too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from serving.core.visit import CURRENT, Visit
from serving.errors import SlipwayError
from serving.transports.grpc.service import NAME
from serving.transports.observer import Observer
from serving.transports.status import grpc_status

_BROKEN = frozenset(
    ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"]
)  # by OpenTelemetry's convention for servers


def begin(observer: Observer, method: str, context: Any) -> Visit:
    route = f"{NAME}/{method}"
    metadata = context.invocation_metadata() or ()
    words = ((key, value) for key, value in metadata if isinstance(value, str))
    visit = observer.begin(method, f"/{route}", words, is_grpc=True)
    visit.route, visit.status = route, grpc.StatusCode.OK.name
    return visit


@contextmanager
def observed(observer: Observer, visit: Visit) -> Iterator[None]:
    """While the block runs, in a task that is the visit's alone."""
    CURRENT.set(visit)
    try:
        yield
    except BaseException:
        if not visit.has_failed:
            _note(visit, grpc.StatusCode.CANCELLED)
        raise
    finally:
        observer.end(visit)


def note_failure(visit: Visit, failure: SlipwayError) -> None:
    _note(visit, grpc_status(failure))


def say(observer: Observer, visit: Visit, context: Any) -> None:
    """To the caller, before the call ends."""
    if headers := observer.reply_headers(visit):
        context.set_trailing_metadata(tuple(headers))


def _note(visit: Visit, status: grpc.StatusCode) -> None:
    visit.status, visit.has_failed, visit.is_broken = status.name, True, status.name in _BROKEN
