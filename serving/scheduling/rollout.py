"""Which requests a new version gets, and when it has shown enough to take over or to go.

Rule: pure; it is told what happened and returns a `Verdict`, which others carry out.
"""

from dataclasses import dataclass, field
from enum import Enum
from math import exp, log, sqrt

from serving.core.rollout_policy import RolloutPolicy, Strategy

_EARLY = 20
"""Requests, or compared rows, after which failures or other answers that can't be chance end a rollout, however many
more it was to have."""

_LONGEST = 10
"""Times the requests that a trial was to have, after which it does without a single comparison."""

_Z = 2.33
"""Standard deviations: one in a hundred versions that are as good as the old one looks worse by chance."""

_FASTEST = 1e-6  # seconds; shorter times are as good as none


class Route(Enum):
    CURRENT = "current"
    CANDIDATE = "candidate"
    BOTH = "both"
    """The current version answers, the candidate is compared."""


@dataclass(frozen=True, slots=True)
class Verdict:
    promote: bool
    reason: str


@dataclass(slots=True)
class Arm:
    """What one of the two versions did since the rollout began."""

    requests: int = 0
    failures: int = 0
    _log_seconds: float = 0.0

    @property
    def error_rate(self) -> float:
        return self.failures / self.requests if self.requests else 0.0

    @property
    def typical_seconds(self) -> float:
        """The geometric mean over answered requests, which one slow request hardly moves; 0 before the first."""
        answered = self.requests - self.failures
        return exp(self._log_seconds / answered) if answered else 0.0

    def add(self, seconds: float, failed: bool) -> None:
        self.requests += 1
        if failed:
            self.failures += 1
        else:
            self._log_seconds += log(max(seconds, _FASTEST))


@dataclass(slots=True)
class Rollout:
    policy: RolloutPolicy
    current: Arm = field(default_factory=Arm)
    candidate: Arm = field(default_factory=Arm)
    compared: int = 0
    """Rows that both versions answered."""
    differed: int = 0
    _due: float = 1e-9  # above 0, so that sums of a tenth reach 1

    @property
    def disagreement(self) -> float:
        return self.differed / self.compared if self.compared else 0.0

    @property
    def latency_ratio(self) -> float:
        """Of typical times, candidate to current; 0 while one of them has none."""
        current = self.current.typical_seconds
        return self.candidate.typical_seconds / current if current else 0.0

    def route(self) -> Route:
        """For the next request; exactly `percent` of them in the long run, evenly spread."""
        self._due += self.policy.percent / 100
        if self._due < 1:
            return Route.CURRENT
        self._due -= 1
        return Route.CANDIDATE if self.policy.strategy is Strategy.CANARY else Route.BOTH

    def compare(self, rows: int, differed: int) -> None:
        self.compared += rows
        self.differed += differed

    def verdict(self) -> Verdict | None:
        """None while it is too early to tell."""
        if self.candidate.requests >= _EARLY and self._surely_fails_more():
            return Verdict(False, f"it fails more often: {self._errors()}")
        if self.compared >= _EARLY and self._surely_differs():
            return Verdict(False, self._disagreement())
        if self.candidate.requests < self.policy.min_requests or not self.current.requests:
            return None
        complaint = self._complaint()
        if complaint:
            return Verdict(False, complaint)
        if not self.policy.automatic:
            return None
        return Verdict(
            True, f"{self._errors()}, {self.latency_ratio:.2f} times as slow, {self.disagreement:.1%} differ"
        )

    def _complaint(self) -> str:
        policy = self.policy
        if not self.candidate.typical_seconds:
            return f"it answered nothing: {self._errors()}"
        if self.candidate.error_rate > self.current.error_rate + policy.max_error_increase:
            return f"it fails more often: {self._errors()}"
        if self.latency_ratio > policy.max_latency_ratio:
            return (
                f"it is slower: {self.latency_ratio:.2f} times the current version's time, at most "
                f"{policy.max_latency_ratio:g} is allowed"
            )
        if self.disagreement > policy.max_disagreement:
            return self._disagreement()
        return ""

    def _disagreement(self) -> str:
        return (
            f"it answers differently: {self.differed} of {self.compared} rows, at most "
            f"{self.policy.max_disagreement:.1%} is allowed"
        )

    def _errors(self) -> str:
        return (
            f"{self.candidate.failures} of {self.candidate.requests} requests failed, "
            f"{self.current.failures} of {self.current.requests} on the current version"
        )

    def _surely_differs(self) -> bool:
        return lower_bound(self.differed, self.compared) > self.policy.max_disagreement

    def _surely_fails_more(self) -> bool:
        bound = lower_bound(self.candidate.failures, self.candidate.requests)
        return bound > self.current.error_rate + self.policy.max_error_increase


def lower_bound(failures: int, requests: int) -> float:
    """The true rate is hardly lower: the lower end of Wilson's score interval (Wilson, 1927)."""
    rate, z2 = failures / requests, _Z * _Z
    centre = rate + z2 / (2 * requests)
    spread = _Z * sqrt(rate * (1 - rate) / requests + z2 / (4 * requests * requests))
    return max(0.0, (centre - spread) / (1 + z2 / requests))
