"""One request's stay in the server as its transport sees it, from its arrival to the end of its answer.

Rule: data only; the transport writes it down, those who observe read it. Moments are in seconds of the monotonic clock.
"""

import re
from contextvars import ContextVar
from dataclasses import dataclass, field

from serving.core.timeline import Timeline
from serving.core.trace_context import TRACEPARENT, TRACESTATE, TraceContext

REQUEST_ID = "x-request-id"
NOTED = frozenset(name.encode() for name in (REQUEST_ID, TRACEPARENT, TRACESTATE))
"""The headers in which callers say who they are."""

_LONGEST_ID = 128  # characters
_UNFIT = re.compile(r"[^\w.:/+=@#,;~|-]", re.ASCII)


@dataclass(eq=False, slots=True)
class Visit:
    """`given_id` and `caller` are what the caller said of itself. `place` is its own place in a trace, None where it is
    traced in none; `timelines` are then those of what models were asked. `route` is the path's pattern or the RPC's
    full name, `status` an HTTP status or the name of one of gRPC's; `has_failed` is an error of whichever side,
    `is_broken` one of the server's. `is_logged`: a line of the log names it; `is_chosen`: the access log is to have
    one."""

    method: str
    path: str
    arrived: float
    given_id: str = ""
    caller: TraceContext | None = None
    is_grpc: bool = False
    made_id: str = ""
    place: TraceContext | None = None
    timelines: list[Timeline] = field(default_factory=list)
    model: str = ""
    version: str = ""
    route: str = ""
    status: int | str = 0
    has_failed: bool = False
    is_broken: bool = False
    is_logged: bool = False
    is_chosen: bool = False
    ended: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0

    @property
    def id(self) -> str:
        """The caller's, or the one that was made for it."""
        return self.given_id or self.made_id

    @property
    def trace_id(self) -> int:
        """Also of a caller's trace that nothing is recorded in here; 0 for none."""
        place = self.place or self.caller
        return place.trace_id if place else 0


CURRENT: ContextVar[Visit | None] = ContextVar("visit", default=None)
"""The visit that the running task is a part of."""


def given_id(text: str) -> str:
    """What is kept of a caller's own request id: characters that no log and no header can misread, and not too many."""
    return _UNFIT.sub("", text[: 4 * _LONGEST_ID])[:_LONGEST_ID]
