"""What is noted of requests on their way through a transport: their ids, their place in a trace, a line in the log.

Rule: where nobody looks, nothing is done; a caller's words are never taken as they are. Belongs to the event loop's
thread.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from random import getrandbits

from serving.core.trace_context import TRACEPARENT, TRACERESPONSE, TRACESTATE, TraceContext, trace_context
from serving.core.visit import REQUEST_ID, Visit, given_id
from serving.engine.tracer import Tracer
from serving.transports.access_log import AccessLog

_LONGEST = 500  # characters of what a caller wrote; what is told waits in memory until then

Headers = Sequence[tuple[bytes, bytes]]


class Observer:
    def __init__(
        self,
        tracer: Tracer | None = None,
        access_log: AccessLog | None = None,
        tell: Callable[[Visit], object] | None = None,
    ) -> None:
        """`tell` takes visits that are traced, once they are over."""
        self._tracer = tracer
        self._access_log = access_log
        self._tell = tell

    def begin(self, method: str, path: str, noted: Iterable[tuple[str, str]], is_grpc: bool = False) -> Visit:
        """`noted` are the caller's headers, or those in `NOTED`."""
        visit = Visit(method, path, time.monotonic(), is_grpc=is_grpc, made_id=f"{getrandbits(64):016x}")
        parent = state = ""
        for name, value in noted:
            if name == REQUEST_ID:
                visit.given_id = visit.given_id or given_id(value)
            elif name == TRACEPARENT:
                parent = parent or value
            elif name == TRACESTATE:
                state = f"{state},{value}" if state else value
        if parent:
            visit.caller = trace_context(parent, state)
        return visit

    def begin_fast(self, path: str, model: str, noted: Headers) -> Visit | None:
        """None where nobody looks at it: its caller says nothing of itself, and it is not for the access log unless it
        fails, where `looks_for_failures`."""
        is_chosen = not noted and self._access_log is not None and self._access_log.chooses()
        if not noted and not is_chosen:
            return None
        visit = self.begin("POST", path, ((name.decode(), value.decode("latin-1")) for name, value in noted))
        visit.model, visit.is_chosen = model, is_chosen
        return visit

    @property
    def looks_for_failures(self) -> bool:
        return self._access_log is not None

    def reply_headers(self, visit: Visit) -> list[tuple[str, str]]:
        """What the reply says of it: its id where anybody knows it, and its place in its trace."""
        if self._tracer is not None:
            self._tracer.enter(visit)
        found = []
        if visit.given_id or visit.is_logged or visit.place is not None or self._access_log is not None:
            found.append((REQUEST_ID, visit.id))
        if visit.place is not None:
            found.append((TRACERESPONSE, visit.place.header()))
        return found

    def end(self, visit: Visit) -> None:
        """Its reply is on its way as a whole, or will not come."""
        visit.ended = time.monotonic()
        visit.path, visit.model = visit.path[:_LONGEST], visit.model[:_LONGEST]
        if self._access_log is not None:
            self._access_log.tell(visit)
        if visit.place is not None and self._tell is not None:
            self._tell(visit)


UNOBSERVED = Observer()


def caller_in(noted: Headers) -> TraceContext | None:
    for name, value in noted:
        if name == TRACEPARENT.encode():
            return trace_context(value.decode("latin-1"))
    return None
