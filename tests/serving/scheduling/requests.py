"""The least that a scheduler can be given."""

from collections.abc import Hashable
from dataclasses import dataclass
from math import inf


@dataclass(eq=False)
class Request:
    rows: int = 1
    key: Hashable = ()
    deadline: float = inf
    priority: int = 0
    arrived: float = 0.0
    queue_timeout: float = inf
    """Seconds."""

    @property
    def expires(self) -> float:
        return min(self.deadline, self.arrived + self.queue_timeout)
