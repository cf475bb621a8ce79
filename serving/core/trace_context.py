"""Where in a trace a caller is, as W3C's Trace Context has it in the headers `traceparent` and `tracestate`.

Source: https://www.w3.org/TR/trace-context/. Rule: a header that breaks its rules is no header, and
nothing is refused for it.
"""

import re
from dataclasses import dataclass

TRACEPARENT, TRACESTATE, TRACERESPONSE = "traceparent", "tracestate", "traceresponse"

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_LONGEST_STATE = 512  # characters; a longer one may be left out as a whole
_SAMPLED = 1


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A span's place: its trace, its own id, and whether whoever began the trace wants it recorded. `state` is for its
    tools, passed on as it came."""

    trace_id: int
    span_id: int
    is_sampled: bool
    state: str = ""

    def header(self) -> str:
        """As the value of `traceparent` or `traceresponse`."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{int(self.is_sampled):02x}"


def trace_context(traceparent: str, tracestate: str = "") -> TraceContext | None:
    """None where there is none."""
    match = _TRACEPARENT.fullmatch(traceparent.strip())
    if match is None or match[1] == "ff" or (match[1] == "00" and match[5]):
        return None
    trace_id, span_id = int(match[2], 16), int(match[3], 16)
    if not trace_id or not span_id:
        return None
    state = tracestate if len(tracestate) <= _LONGEST_STATE and tracestate.isprintable() else ""
    return TraceContext(trace_id, span_id, bool(int(match[4], 16) & _SAMPLED), state)
