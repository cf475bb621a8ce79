"""A request on its way through the scheduler, and the answer that its caller waits for."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from math import inf
from typing import Protocol

import numpy as np

from serving.core.requests import Arrays, Parameters
from serving.core.timeline import Timeline
from serving.core.visit import Visit
from serving.engine.response_stream import ResponseStream


class Answer(Protocol):
    """A future, or what takes its place where nobody awaits it. Belongs to the event loop's thread."""

    def done(self) -> bool: ...

    def cancel(self) -> bool:
        """False where it is done already."""

    def cancelled(self) -> bool: ...

    def set_result(self, outputs: Arrays, /) -> None: ...

    def set_exception(self, error: Exception, /) -> None: ...


@dataclass(eq=False, slots=True)
class Pending:
    """Compared by identity. `answer` gets the outputs; of a decoupled model's request, whose outputs go through
    `responses`, only its end. `promised` is when its caller wants it, of which `deadline` leaves out the way there."""

    inputs: Arrays
    rows: int
    key: Hashable
    deadline: float
    expires: float
    answer: Answer
    parameters: Parameters
    priority: int = 0
    responses: ResponseStream | None = None
    timeline: Timeline | None = None
    sequence_id: int | str = 0
    sequence_start: bool = False
    sequence_end: bool = False
    arrived: float = 0.0
    promised: float = inf
    visit: Visit | None = None
    slot: int = 0
    sequence_state: dict[str, np.ndarray] = field(default_factory=dict)

    def emit(self, outputs: Arrays) -> None:
        """On the worker's thread that runs it."""
        assert self.responses is not None
        self.responses.emit(outputs)

    def is_cancelled(self) -> bool:
        return self.responses is not None and self.responses.cancelled
