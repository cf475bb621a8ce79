"""What a scenario consists of. Rule: values only; what contradicts itself can't be made.

How it is written: docs/load-testing.md.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from loadtests.load import Closed, Open, Phased
from loadtests.objective import parsed
from loadtests.terms import VARIATIONS

EACH = "*"
"""As a part's model: every model that the server has ready, all of which share the part's load."""


class InvalidScenario(ValueError):
    """The text names the field, what was expected there, and what came."""


class Deed(StrEnum):
    RELOAD = "reload"
    """Read the model anew, while the old one answers."""
    RESTART = "restart"
    """Unload the model, and load it again: in between nobody answers."""


@dataclass(frozen=True, slots=True)
class Phase:
    """`seconds` of a load: `rate` requests a second, or `share` of what the server can do of them, or that many
    `callers` who wait for their answers."""

    seconds: float
    rate: float = 0.0
    share: float = 0.0
    callers: int = 0
    arrivals: str = "poisson"

    def __post_init__(self) -> None:
        check("phases.seconds", self.seconds, self.seconds > 0, "above 0")
        for name in ("rate", "share", "callers"):
            check(f"phases.{name}", getattr(self, name), getattr(self, name) >= 0, "above 0")
        if sum(map(bool, (self.rate, self.share, self.callers))) != 1:
            raise InvalidScenario(
                "a phase has one of rate (requests a second), share (of what the server can do), callers"
            )
        if self.arrivals not in VARIATIONS:
            raise InvalidScenario(f"phases.arrivals is one of {', '.join(VARIATIONS)}, not '{self.arrivals}'")

    def open(self, capacity: float) -> Open:
        return Open(self.rate or self.share * capacity, variation=VARIATIONS[self.arrivals])


@dataclass(frozen=True, slots=True)
class Part:
    """Requests of one kind. `model` is a name, `EACH`, or "" for the one that the command names or the only one;
    `hang_up` is the share of the streams that are left after `hang_up_after` events."""

    phases: tuple[Phase, ...]
    name: str = ""
    model: str = ""
    protocol: str = "auto"
    rows: int = 1
    hang_up: float = 0.0
    hang_up_after: int = 1

    def __post_init__(self) -> None:
        if not self.phases:
            raise InvalidScenario("a part has at least one phase, written as [[parts.phases]]")
        if len(self.phases) > 1 and any(phase.callers for phase in self.phases):
            raise InvalidScenario("callers can't change while a load runs: a part with callers has one phase")
        check("parts.rows", self.rows, self.rows >= 1, "at least 1")
        check("parts.hang_up", self.hang_up, 0 <= self.hang_up <= 1, "from 0 to 1")
        check("parts.hang_up_after", self.hang_up_after, self.hang_up_after >= 1, "at least 1")

    @property
    def seconds(self) -> float:
        return sum(phase.seconds for phase in self.phases)

    @property
    def needs_capacity(self) -> bool:
        return any(phase.share for phase in self.phases)

    def load(self, capacity: float) -> Closed | Open | Phased:
        if self.phases[0].callers:
            return Closed(self.phases[0].callers)
        loads = tuple((phase.seconds, phase.open(capacity)) for phase in self.phases)
        return loads[0][1] if len(loads) == 1 else Phased(loads)

    def highest(self) -> tuple[float, float]:
        """When the phase with the highest rate begins and ends, in seconds."""
        ends = [sum(phase.seconds for phase in self.phases[: index + 1]) for index in range(len(self.phases))]
        end, phase = max(zip(ends, self.phases, strict=True), key=lambda pair: pair[1].rate or pair[1].share)
        return end - phase.seconds, end


@dataclass(frozen=True, slots=True)
class Action:
    """What is done to a model `at` so many seconds, and again `every` so many where that is given."""

    do: Deed
    at: float
    every: float = 0.0
    model: str = ""

    def __post_init__(self) -> None:
        check("actions.at", self.at, self.at >= 0, "at least 0")
        check("actions.every", self.every, self.every >= 0, "above 0")

    def times(self, seconds: float) -> list[float]:
        if not self.every:
            return [self.at] if self.at < seconds else []
        return [self.at + turn * self.every for turn in range(int(max(0.0, seconds - self.at) / self.every) + 1)]


@dataclass(frozen=True, slots=True)
class Checks:
    """What must be true of all parts together; what is None or empty is not looked at.

    `failed` is the highest share of requests that were lost, failed or late, `refused` of those that were turned away.
    `attainment` is the share of requests that must be in time for every one of `objectives`; without it each
    objective's own percentage is. `recovery_s`: so soon after the phase with the highest rate the median is at most
    twice what it was before; `idle_s`: so soon after the load nothing waits or runs any more.
    """

    failed: float | None = None
    refused: float | None = None
    objectives: tuple[str, ...] = ()
    attainment: float | None = None
    recovery_s: float | None = None
    memory_slope_mb_per_hour: float | None = None
    idle_s: float | None = None

    def __post_init__(self) -> None:
        for name in ("failed", "refused", "attainment"):
            value = getattr(self, name)
            check(f"checks.{name}", value, value is None or 0 <= value <= 1, "a share, from 0 to 1")
        for name in ("recovery_s", "memory_slope_mb_per_hour", "idle_s"):
            value = getattr(self, name)
            check(f"checks.{name}", value, value is None or value > 0, "above 0")
        if self.attainment is not None and not self.objectives:
            raise InvalidScenario("checks.attainment needs checks.objectives, such as ['p99<50ms']")
        for text in self.objectives:
            _check_objective(text)


@dataclass(frozen=True, slots=True)
class Scenario:
    """`find` "knee" measures latency at each rate instead of making the phases' loads."""

    description: str
    parts: tuple[Part, ...]
    actions: tuple[Action, ...] = ()
    checks: Checks = field(default_factory=Checks)
    find: str = ""

    def __post_init__(self) -> None:
        if not self.parts:
            raise InvalidScenario("a scenario has at least one part, written as [[parts]]")
        if self.find not in ("", "knee"):
            raise InvalidScenario(f"find is 'knee' or not there, not '{self.find}'")
        if self.find and (len(self.parts) > 1 or self.actions):
            raise InvalidScenario("a scenario that finds the knee has one part and no actions")
        if self.checks.recovery_s is not None and all(len(part.phases) < 3 for part in self.parts):
            raise InvalidScenario("checks.recovery_s needs a part with phases before, during and after a peak")

    @property
    def seconds(self) -> float:
        return max(part.seconds for part in self.parts)


def check(name: str, value: object, within: bool, allowed: str) -> None:
    """Raises `InvalidScenario` unless it is `within` what is `allowed`."""
    if not within:
        raise InvalidScenario(f"{name} must be {allowed}, got {value}")


def _check_objective(text: str) -> None:
    try:
        parsed(text)
    except ValueError as error:
        raise InvalidScenario(f"checks.objectives: {error}") from None
