"""What a scheduler is: pure state that is told the time.

    add(request, now) ── schedule(now, instance) ─▶ Plan ── (the batch is run) ── complete(batch, outcomes, now,
    instance) ─▶ events

Rule: every method returns at once; whoever calls brings the time, the lock and the thread.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

HERE = -1
"""In the place of an instance's number: one that is idle runs on the thread that asks."""


class Schedulable(Protocol):
    """What a scheduler needs to know of a request. Compared by identity; `arrived` is the scheduler's to set."""

    @property
    def rows(self) -> int:
        """How many rows it adds to a batch."""

    @property
    def key(self) -> Hashable:
        """Requests run together only when their keys (the shapes of their rows) are equal."""

    @property
    def deadline(self) -> float:
        """When its answer stops being of use, in the seconds that `now` counts; infinity for never."""

    @property
    def expires(self) -> float:
        """Until when it may wait; no later than its deadline."""

    arrived: float


R = TypeVar("R", bound=Schedulable)
T = TypeVar("T")


@dataclass(slots=True)  # one for each request, and not frozen, which would take three times as long to make
class Event(Generic[T]):
    """Something to tell the caller of one request: its value, or the error that took its place."""

    request: T
    value: Any = None
    error: Exception | None = None


@dataclass(slots=True)
class Plan(Generic[R]):
    """Run `batch` now; or, if there is none, ask again at `wake_at` (None: when something is added). The batch should
    take `expected` seconds; 0 where that is not known."""

    batch: list[R] | None = None
    wake_at: float | None = None
    events: list[Event[R]] = field(default_factory=list)
    expected: float = 0.0


class Scheduler(Protocol[R]):
    @property
    def pins(self) -> bool:
        """Whether a request can wait for one instance in particular, so that all must be woken when it is added."""

    def __len__(self) -> int:
        """How many requests wait."""

    def add(self, request: R, now: float) -> None:
        """Accept a request, or raise `Overloaded`."""

    def cancel(self, request: R) -> None:
        """Forget a request that still waits; one that runs already is left alone."""

    def close(self) -> None:
        """The end is near: hold nothing back any more."""

    def schedule(self, now: float, instance: int = 0, /) -> Plan[R]:
        """Called when that instance, counted from 0, is free."""

    def expire(self, now: float, /) -> tuple[list[Event[R]], float]:
        """What to tell those who have waited too long, also while no instance is free; and when that is so of the next
        one, infinity for never."""

    def begin_alone(self, request: R, now: float, /) -> Plan[R] | None:
        """Instead of `add` and `schedule`, for a request that runs `HERE` from now on, since nothing else waits and it
        is over before another thread would have begun; None, and nothing has happened, where it must be added."""

    def is_quick(self, now: float, /) -> bool:
        """Whether what `schedule` would give `HERE` is over before another thread would have begun."""

    def complete(self, batch: list[R], outcomes: Sequence[Any], now: float, instance: int = 0, /) -> list[Event[R]]:
        """What to tell each request of a batch that ran on that instance until now; an outcome that is an exception
        becomes its error."""
