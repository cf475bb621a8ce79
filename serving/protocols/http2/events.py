"""What happens on a connection."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Asked(Generic[T]):
    """A request's head. `is_all`: no body follows."""

    stream: int
    head: T
    is_all: bool


@dataclass(slots=True)
class Piece:
    """Of a request's body, which is to be given back with `taken`. `is_last`: nothing follows."""

    stream: int
    data: bytes
    is_last: bool


@dataclass(slots=True)
class Dropped:
    """Nobody waits for this stream's reply any more."""

    stream: int


@dataclass(slots=True)
class Sent:
    """What was to be sent of this stream is on its way."""

    stream: int


Event = Asked[T] | Piece | Dropped | Sent
