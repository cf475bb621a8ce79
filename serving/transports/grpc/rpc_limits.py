"""How long a gRPC connection may do without what it needs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RpcLimits:
    """Seconds: for the first words; without a word; for a sign of life where a call runs but nothing came; until a
    caller must have heard that it shall leave; for the last words to be taken."""

    greeting: float = 10.0
    idle: float = 300.0
    alive: float = 20.0
    leaving: float = 1.0
    parting: float = 30.0


DEFAULT_LIMITS = RpcLimits()
