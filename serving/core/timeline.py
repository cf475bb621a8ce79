"""What happened to one request that is traced, and when: the batches that it ran in, the answers that were written.

Rule: data only, which the parts that have the request write down; moments are in seconds of the monotonic clock.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from serving.core.generation import SamplingParams


@dataclass(eq=False, slots=True)
class Batch:
    """What ran together, of how many requests. `members` are the runs in it of those that are traced; the two ids are
    for whoever tells of it, once."""

    model: str
    version: str
    started: float
    requests: int
    rows: int
    compute_input: float = 0.0
    compute_infer: float = 0.0
    compute_output: float = 0.0
    members: list["Run"] = field(default_factory=list)
    trace_id: int = 0
    span_id: int = 0

    @property
    def ended(self) -> float:
        return self.started + self.compute_input + self.compute_infer + self.compute_output


@dataclass(eq=False, slots=True)
class Run:
    """A request's part in a batch, for which it waited from `arrived` on. `span_id` is for whoever tells of it."""

    trace_id: int
    arrived: float
    batch: Batch
    span_id: int = 0

    def marks(self) -> list[tuple[str, float]]:
        """In Triton's names."""
        batch = self.batch
        return [
            ("QUEUE_START", self.arrived),
            ("COMPUTE_START", batch.started),
            ("COMPUTE_INPUT_END", batch.started + batch.compute_input),
            ("COMPUTE_OUTPUT_START", batch.started + batch.compute_input + batch.compute_infer),
            ("COMPUTE_END", batch.ended),
        ]


@dataclass(eq=False, slots=True)
class Written:
    """One answer of a model that writes. Moments that did not come are those of its end; `finish_reason` is "error"
    where it failed."""

    sampling: SamplingParams
    arrived: float
    begun: float
    first_token: float
    ended: float
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    finish_reason: str


@dataclass(eq=False, slots=True)
class Timeline:
    """A `trace_id` of 0 is none of OpenTelemetry's."""

    model: str = ""
    version: str = ""
    request_id: str = ""
    trace_id: int = 0
    started: float = 0.0
    ended: float = 0.0
    error: str = ""
    runs: list[Run] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)

    def record(self, arrived: float, batch: Batch) -> None:
        """When it was queued, and what it ran in."""
        run = Run(self.trace_id, arrived, batch)
        self.runs.append(run)
        if self.trace_id:
            batch.members.append(run)

    def marks(self) -> tuple[tuple[str, int], ...]:
        """In Triton's names and in nanoseconds."""
        marks = [mark for run in self.runs for mark in run.marks()]
        all_of_it = [("REQUEST_START", self.started), *marks, ("REQUEST_END", self.ended)]
        return tuple((name, round(seconds * 1e9)) for name, seconds in all_of_it)

    def sums(self) -> tuple[float, float, float, float]:
        """Of all runs: the seconds in queues, and those of computing with its three parts."""
        seconds: defaultdict[str, float] = defaultdict(float)
        for run in self.runs:
            seconds["queue"] += run.batch.started - run.arrived
            seconds["input"] += run.batch.compute_input
            seconds["infer"] += run.batch.compute_infer
            seconds["output"] += run.batch.compute_output
        return seconds["queue"], seconds["input"], seconds["infer"], seconds["output"]
