"""The timelines of the requests that are traced. Rule: a request that is not traced costs one look at the settings."""

import time
from collections import defaultdict
from dataclasses import dataclass, field

from serving.core.requests import InferRequest
from serving.engine.statistics import Times
from serving.engine.trace_registry import TraceRegistry
from serving.engine.trace_writer import Trace, TraceWriter

_LONGEST_ID = 200  # characters; a caller's own may be of any length


@dataclass(slots=True)
class Timeline:
    """What happened to one request and when, in Triton's names and nanoseconds of the monotonic clock."""

    marks: list[tuple[str, int]] = field(default_factory=list)

    def mark(self, name: str, seconds: float) -> None:
        self.marks.append((name, round(seconds * 1e9)))

    def record(self, arrived: float, started: float, times: Times) -> None:
        """When it was queued and when its batch ran, in seconds of the same clock."""
        self.mark("QUEUE_START", arrived)
        self.mark("COMPUTE_START", started)
        self.mark("COMPUTE_INPUT_END", started + times.compute_input)
        self.mark("COMPUTE_OUTPUT_START", started + times.compute_input + times.compute_infer)
        self.mark("COMPUTE_END", started + times.compute)

    def sums(self) -> tuple[float, Times]:
        """Of all that was recorded: the seconds in queues, and those of computing."""
        seconds: defaultdict[str, float] = defaultdict(float)
        before = 0
        for name, ns in self.marks:
            seconds[name] += (ns - before) * 1e-9
            before = ns
        return seconds["COMPUTE_START"], Times(
            seconds["COMPUTE_INPUT_END"], seconds["COMPUTE_OUTPUT_START"], seconds["COMPUTE_END"]
        )


class Tracer:
    """Belongs to the event loop's thread."""

    def __init__(self, settings: TraceRegistry, writer: TraceWriter | None) -> None:
        """Without a `writer` nothing is traced."""
        self._settings = settings
        self._writer = writer

    @property
    def is_off(self) -> bool:
        return self._writer is None

    def begin(self, request: InferRequest) -> tuple[int, Timeline] | None:
        """For a request that is traced, which `end` then writes."""
        number = None if self._writer is None else self._settings.take(request.model_name)
        if number is None:
            return None
        timeline = Timeline()
        timeline.mark("REQUEST_START", time.monotonic())
        return number, timeline

    def end(self, begun: tuple[int, Timeline], request: InferRequest, version: str) -> None:
        number, timeline = begun
        timeline.mark("REQUEST_END", time.monotonic())
        trace = Trace(number, request.model_name, version, request.id[:_LONGEST_ID], tuple(timeline.marks))
        assert self._writer is not None
        self._writer.write(trace, self._settings.settings(request.model_name).log_frequency)

    def flush(self) -> None:
        """What waits to be written; before the server ends."""
        if self._writer is not None:
            self._writer.flush()
