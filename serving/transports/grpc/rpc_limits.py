"""What a gRPC connection may ask, and how long it may do without what it needs."""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class RpcLimits:
    """Seconds: for the first words; without a word; for a sign of life where a call runs but nothing came; until a
    caller must have heard that it shall leave; for the last words to be taken; until its caller is asked to connect
    anew, 0 for never. `largest` in bytes, of a message, -1 for any. `connections` at once."""

    greeting: float = 10.0
    idle: float = 300.0
    alive: float = 20.0
    leaving: float = 1.0
    parting: float = 30.0
    age: float = 0.0
    largest: int = -1
    connections: float = inf


DEFAULT_LIMITS = RpcLimits()
