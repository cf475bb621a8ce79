"""What a model version has done since it was loaded, in the counts that Triton keeps.

Source: Triton's extension_statistics.md. Rule: written by the event loop only, once per batch; a scrape may read at any
time.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate

from serving.engine.objectives import Objectives
from serving.errors import BackendFailed, Cancelled, DeadlineExceeded, Hopeless, NotFinite, Overloaded

_SECONDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0),
)
_ROWS = tuple(float(2**power) for power in range(11))
_RATIOS = (0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.5, 2.0, 3.0, 5.0)
_FIRST_RESPONSE_SECONDS = (0.1, 0.5, 2.0, 5.0)  # Triton's, which are in milliseconds
_RESPONSES_TOLD_APART = 1024


class FailureReason(StrEnum):
    """Triton's: refused or expired in the queue, given up by the caller, failed in the model, anything else."""

    REJECTED = "REJECTED"
    CANCELED = "CANCELED"
    BACKEND = "BACKEND"
    OTHER = "OTHER"


def failure_reason(error: Exception) -> FailureReason:
    match error:
        case DeadlineExceeded() | Overloaded():
            return FailureReason.REJECTED
        case Cancelled():
            return FailureReason.CANCELED
        case BackendFailed():
            return FailureReason.BACKEND
        case _:
            return FailureReason.OTHER


class Refusal(StrEnum):
    """What Triton's REJECTED has in one: no room in the queue, no chance to be in time, too long in the queue."""

    QUEUE_FULL = "queue_full"
    HOPELESS = "hopeless"
    EXPIRED = "expired"


def refusal(error: Exception) -> Refusal | None:
    """None where it is none."""
    match error:
        case Hopeless():
            return Refusal.HOPELESS
        case Overloaded():
            return Refusal.QUEUE_FULL
        case DeadlineExceeded():
            return Refusal.EXPIRED
        case _:
            return None


@dataclass(slots=True)
class Duration:
    """How often something took place, and how long it took in all."""

    count: int = 0
    seconds: float = 0.0

    @property
    def ns(self) -> int:
        return round(self.seconds * 1e9)

    def add(self, seconds: float, count: int = 1) -> None:
        """`count` things that took `seconds` together."""
        self.count += count
        self.seconds += seconds


class Histogram:
    """Observations in buckets of fixed upper bounds; the last bucket has none."""

    __slots__ = ("bounds", "buckets", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.buckets[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[int]:
        """How many observations are at most each bound; the last counts them all."""
        return list(accumulate(self.buckets))


@dataclass(slots=True)
class Times:
    """One execution, in seconds: stacking its inputs, running the model, splitting its outputs."""

    compute_input: float
    compute_infer: float
    compute_output: float

    @property
    def compute(self) -> float:
        return self.compute_input + self.compute_infer + self.compute_output


@dataclass(slots=True)
class ComputeStatistics:
    count: int = 0
    input_seconds: float = 0.0
    infer_seconds: float = 0.0
    output_seconds: float = 0.0

    def add(self, times: Times, count: int) -> None:
        """`count` requests that ran together; each is charged the whole time, as in Triton."""
        self.count += count
        self.input_seconds += times.compute_input * count
        self.infer_seconds += times.compute_infer * count
        self.output_seconds += times.compute_output * count

    @property
    def compute_input(self) -> Duration:
        return Duration(self.count, self.input_seconds)

    @property
    def compute_infer(self) -> Duration:
        return Duration(self.count, self.infer_seconds)

    @property
    def compute_output(self) -> Duration:
        return Duration(self.count, self.output_seconds)


@dataclass(slots=True)
class ResponseStatistics:
    """The n-th response of a decoupled model's requests."""

    success: Duration = field(default_factory=Duration)
    fail: Duration = field(default_factory=Duration)
    empty_response: Duration = field(default_factory=Duration)
    cancel: Duration = field(default_factory=Duration)


@dataclass(slots=True)
class ModelStatistics:
    """`inferences` counts rows that were answered, `executions` batches that ran (the runs that single out the bad
    request of a failed batch are part of that batch's); the durations count requests."""

    inferences: int = 0
    executions: int = 0
    last_inference_ms: int = 0
    success: Duration = field(default_factory=Duration)
    fail: Duration = field(default_factory=Duration)
    queue: Duration = field(default_factory=Duration)
    cache_hit: Duration = field(default_factory=Duration)
    cache_miss: Duration = field(default_factory=Duration)
    compute: ComputeStatistics = field(default_factory=ComputeStatistics)
    failures: dict[FailureReason, int] = field(default_factory=lambda: dict.fromkeys(FailureReason, 0))
    refusals: dict[Refusal, int] = field(default_factory=lambda: dict.fromkeys(Refusal, 0))
    not_finite: int = 0
    batches: dict[int, ComputeStatistics] = field(default_factory=dict)
    responses: dict[int, ResponseStatistics] = field(default_factory=dict)
    request_seconds: Histogram = field(default_factory=lambda: Histogram(_SECONDS))
    queue_seconds: Histogram = field(default_factory=lambda: Histogram(_SECONDS))
    compute_seconds: Histogram = field(default_factory=lambda: Histogram(_SECONDS))
    batch_rows: Histogram = field(default_factory=lambda: Histogram(_ROWS))
    first_response_seconds: Histogram = field(default_factory=lambda: Histogram(_FIRST_RESPONSE_SECONDS))
    misprediction: Histogram = field(default_factory=lambda: Histogram(_RATIOS))
    """What batches took, in what they were expected to take."""
    objectives: Objectives = field(default_factory=Objectives)

    def record(self, waits: Sequence[float], rows: int, times: Times, now_ms: int) -> None:
        """A batch that ran: how long each answered request waited, in seconds, and the rows of those requests.

        `now_ms` is the time of day in milliseconds since 1970.
        """
        answered, compute = len(waits), times.compute
        self.executions += 1
        self.compute_seconds.observe(compute)
        if not answered:
            return
        self.last_inference_ms = now_ms
        self.inferences += rows
        self.batch_rows.observe(rows)
        if rows not in self.batches:
            self.batches[rows] = ComputeStatistics()
        self.batches[rows].add(times, 1)
        self.compute.add(times, answered)
        waited = sum(waits)
        self.queue.add(waited, answered)
        self.success.add(waited + compute * answered, answered)
        for wait in waits:
            self.queue_seconds.observe(wait)
            self.request_seconds.observe(wait + compute)

    def record_steps(self, seconds: float, waited: float, rows: int, times: Times, now_ms: int) -> None:
        """A request that an ensemble answered within `seconds`: how long its steps waited and ran, summed up.

        Steps that run side by side may sum up to more than `seconds`. `now_ms` as in `record`.
        """
        self.executions += 1
        self.last_inference_ms = now_ms
        self.inferences += rows
        self.compute.add(times, 1)
        self.batches.setdefault(rows, ComputeStatistics()).add(times, 1)
        self.queue.add(waited)
        self.success.add(seconds)
        self.request_seconds.observe(seconds)
        self.queue_seconds.observe(waited)
        self.compute_seconds.observe(times.compute)
        self.batch_rows.observe(rows)

    def record_failure(self, error: Exception, seconds: float) -> None:
        """A request that was not answered, and how long it was here."""
        self.failures[failure_reason(error)] += 1
        if (refused := refusal(error)) is not None:
            self.refusals[refused] += 1
        self.not_finite += isinstance(error, NotFinite)
        self.fail.add(seconds)

    def record_cache_hit(self, lookup: float, waited: float) -> None:
        """A request that was answered and did not run: how long it was looked for in the cache, and waited for another
        that ran, in seconds."""
        self.cache_hit.add(lookup)
        self.queue.add(waited)
        self.success.add(lookup + waited)
        self.queue_seconds.observe(waited)
        self.request_seconds.observe(lookup + waited)

    def record_cache_miss(self, seconds: float) -> None:
        """Of an answered request that ran: how long it was looked for in the cache and its answer put there."""
        self.cache_miss.add(seconds)
        self.success.seconds += seconds  # `record` knows its run only

    def record_response(self, number: int, outcome: str, seconds: float) -> None:
        """Of a stream's response with that number, counted from 0; those of endless streams are not told apart.
        `outcome` is the field of `ResponseStatistics` that it adds to."""
        if number == 0 and outcome == "success":
            self.first_response_seconds.observe(seconds)
        if number < _RESPONSES_TOLD_APART:
            duration: Duration = getattr(self.responses.setdefault(number, ResponseStatistics()), outcome)
            duration.add(seconds)
