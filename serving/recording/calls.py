"""What is seen of one request and its answer. Rule: nothing is decoded here, since whoever asks waits meanwhile."""

from dataclasses import dataclass
from typing import Any

Pieces = tuple[bytes | memoryview, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is None where nobody was there any more to be told one; times are in seconds, `size` in bytes. What was
    answered in events, and not at once, has the time until the first and how many there were."""

    status: int | str | None
    duration: float
    size: int
    first_byte: float | None = None
    events: int | None = None


@dataclass(frozen=True, slots=True)
class HttpCall:
    """`at` is in seconds since the recording began. `headers` are only those of `HEADERS`; `body` is None where not all
    of its `size` bytes came."""

    at: float
    path: str
    headers: tuple[tuple[str, str], ...]
    body: Pieces | None
    size: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class GrpcCall:
    """`message` is a ModelInferRequest of `size` bytes, `stream` the number of the call that it came in where that may
    have several; `timeout` in seconds."""

    at: float
    rpc: str
    stream: int | None
    timeout: float | None
    message: Any
    size: int
    answer: Answer


Call = HttpCall | GrpcCall
