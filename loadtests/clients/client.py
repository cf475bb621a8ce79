"""What sends a request, and what it says became of it.

Rule: `send` answers always, within its time-out, and never raises.
"""

from dataclasses import dataclass
from math import nan
from typing import Protocol

from loadtests.call import Call


@dataclass(frozen=True, slots=True)
class Reply:
    """`status` is HTTP's, gRPC's codes told as those that they correspond to, or one of `outcomes`' own.

    Of a stream: `first` is when its first event came, by the monotonic clock, `tokens` how many came, and `gaps` the
    seconds between them. `message` is what was said of a request that was not answered.
    """

    status: int
    first: float = nan
    tokens: int = 0
    gaps: tuple[float, ...] = ()
    message: str = ""


class Client(Protocol):
    async def send(self, call: Call) -> Reply: ...

    async def close(self) -> None: ...
