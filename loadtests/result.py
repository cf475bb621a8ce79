"""What a load test found, as its JSON file holds it.

Rule: everything that a report shows or a comparison needs is here.
Times are in milliseconds, rates in requests a second, shares between 0 and 1.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

FORMAT = 1


class Ending(StrEnum):
    """Why a run was over before its time."""

    ENOUGH = "enough was seen"
    INTERRUPTED = "interrupted"
    GONE = "the server is gone"


@dataclass(frozen=True, slots=True)
class Latencies:
    """`histogram` is HdrHistogram's encoding (V2, compressed, base64) of microseconds; the interval has 95 %
    confidence."""

    count: int
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    p999: float
    maximum: float
    histogram: str
    p99_interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """Of the requests that were meant to leave in the span of time that begins `at` seconds after the start."""

    at: float
    p50: float
    p90: float
    p99: float
    maximum: float
    fates: dict[str, int]
    histogram: str


@dataclass(frozen=True, slots=True)
class Generator:
    """What made the load. `busy` is the share of a processor of the busiest of its processes, `cpu_us` the
    microseconds of processor that a request cost it."""

    processes: int
    busy: float
    cpu_us: float
    seed: int


@dataclass(frozen=True, slots=True)
class Result:
    """`load` says what was sent, in words of the load's own fields; `server` is what the server said of itself,
    `machine` where the load came from.

    `offered` counts what was due, `answered` what came back well, both a second; `invalid` says why nothing can be
    concluded, `notes` what to bear in mind. `service` counts from when a request left.
    """

    url: str
    model: str
    protocol: str
    load: dict[str, Any]
    began: str
    seconds: float
    span: float
    requests: int
    fates: dict[str, int]
    statuses: dict[str, int]
    messages: dict[str, int]
    offered: float
    answered: float
    rows: float
    latency: Latencies
    service: Latencies
    slip: Latencies
    first: Latencies | None
    gap: Latencies | None
    tokens: float
    moments: tuple[Moment, ...]
    generator: Generator
    invalid: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    server: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)
    ended: str = ""
    format: int = FORMAT
