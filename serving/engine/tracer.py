"""Which requests are traced, and what becomes of their timelines: Triton's file, or the visit that they are a part of.

Rule: a request that is not traced costs one look at the settings. Belongs to the event loop's thread.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import getrandbits

from serving.core.requests import InferRequest
from serving.core.timeline import Timeline
from serving.core.trace_context import TraceContext
from serving.core.visit import CURRENT, Visit
from serving.engine.trace_registry import TraceRegistry
from serving.engine.trace_writer import Trace, TraceWriter

_LONGEST_ID = 200  # characters; a caller's own may be of any length
_LONGEST_ERROR = 500  # characters
_TRACE_BITS, _SPAN_BITS = 128, 64


class Tracer:
    def __init__(self, settings: TraceRegistry, writer: TraceWriter | None, has_spans: bool = False) -> None:
        """With a `writer` traces go into Triton's file; with `has_spans`, into visits, from where they are told to
        OpenTelemetry; without either nothing is traced."""
        self._settings = settings
        self._writer = writer
        self.has_spans = has_spans

    def spares(self, model: str, caller: TraceContext | None) -> bool:
        """Whether a request, which counts as seen then, is not traced. Else whoever asks goes on to `begin`."""
        if caller is not None and self.has_spans:
            return not caller.is_sampled or not self._settings.is_on(model)
        return (self._writer is None and not self.has_spans) or self._settings.passes(model)

    def begin(self, request: InferRequest) -> Timeline | None:
        """For a request that is traced, to be told within `following`."""
        if self._writer is None:
            return self.begin_call(request.model_name, request.id)
        number = self._settings.take(request.model_name)
        if number is None:
            return None
        return Timeline(request.model_name, "", request.id[:_LONGEST_ID], number, time.monotonic())

    def begin_call(self, model: str, request_id: str = "") -> Timeline | None:
        """The same for what Triton's file does not have: more than one answer to a request."""
        visit = CURRENT.get() if self.has_spans else None
        if visit is None or not self._is_traced(visit, model):
            return None
        assert visit.place is not None
        timeline = Timeline(model, "", request_id[:_LONGEST_ID], visit.place.trace_id, time.monotonic())
        visit.timelines.append(timeline)
        return timeline

    @contextmanager
    def following(self, timeline: Timeline) -> Iterator[None]:
        """What is told of it ends with this block, and with what goes wrong in it."""
        try:
            yield
        except Exception as error:
            timeline.error = f"{type(error).__name__}: {error}"[:_LONGEST_ERROR]
            raise
        finally:
            timeline.ended = time.monotonic()
            self._write(timeline)

    def enter(self, visit: Visit) -> None:
        """A visit that came to no model is traced too, where its caller wants that."""
        if self.has_spans and visit.place is None and visit.caller is not None:
            self._is_traced(visit, visit.model)

    def flush(self) -> None:
        """What waits to be written; before the server ends."""
        if self._writer is not None:
            self._writer.flush()

    def _write(self, timeline: Timeline) -> None:
        if self._writer is not None:
            trace = Trace(timeline.trace_id, timeline.model, timeline.version, timeline.request_id, timeline.marks())
            self._writer.write(trace, self._settings.settings(timeline.model).log_frequency)

    def _is_traced(self, visit: Visit, model: str) -> bool:
        """As its caller says or, where it says nothing, as the settings do; whoever is asked next in it follows."""
        if visit.place is None:
            caller = visit.caller
            if caller is None:
                if self._settings.take(model) is None:
                    return False
                visit.place = TraceContext(_id(_TRACE_BITS), _id(_SPAN_BITS), True)
            elif caller.is_sampled and self._settings.is_on(model):
                visit.place = TraceContext(caller.trace_id, _id(_SPAN_BITS), True, caller.state)
        return visit.place is not None


def _id(bits: int) -> int:
    """Any but 0, which is none."""
    return getrandbits(bits) or 1
