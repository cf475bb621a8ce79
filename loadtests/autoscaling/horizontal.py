"""What a HorizontalPodAutoscaler does with a metric: how many replicas it wants, and how fast it goes there.

Rule: pure; it is asked every 15 seconds, and told the time.
Source: Kubernetes' documentation of the algorithm and of `behavior`, and pkg/controller/podautoscaler. KEDA makes such
an autoscaler, and answers its questions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, floor

SYNC = 15.0
TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class Policy:
    """Of a direction: in `period` seconds so many `percent`, or so many `pods`, whichever is more; and what was wanted
    in the last `stabilization` seconds counts too."""

    stabilization: float
    percent: float
    pods: int
    period: float


@dataclass(frozen=True, slots=True)
class Rules:
    least: int = 2
    most: int = 100
    up: Policy = Policy(0.0, 100, 4, 15.0)
    down: Policy = Policy(300.0, 25, 1, 60.0)


AS_KUBERNETES_HAS_IT = Rules(down=Policy(300.0, 100, 0, 15.0))


def of_total(total: float, target: float, current: int) -> int:
    """Replicas by a metric of type External (KEDA): the sum of all, and a target for each."""
    if abs(total / (target * current) - 1) <= TOLERANCE:
        return current
    return ceil(total / target)


def of_pods(values: Mapping[int, float], missing: int, target: float, current: int) -> int | None:
    """Replicas by a metric of type Pods (HPA): of those that have a value. One without, as while it starts, counts as
    nothing where the answer would be more replicas, and as on target where it would be fewer."""
    if not values:
        return None
    ratio = sum(values.values()) / len(values) / target
    if not missing:
        return current if abs(ratio - 1) <= TOLERANCE else ceil(ratio * len(values))
    count = len(values) + missing
    filled = (sum(values.values()) + (missing * target if ratio < 1 else 0.0)) / count / target
    if abs(filled - 1) <= TOLERANCE or (ratio < 1) != (filled < 1):
        return current
    return ceil(filled * count)


@dataclass
class Horizontal:
    """Its memory: what was wanted, and what was changed, when."""

    rules: Rules
    _wanted: list[tuple[float, int]] = field(default_factory=list)
    _changes: list[tuple[float, int]] = field(default_factory=list)

    def decide(self, wanted: Sequence[int | None], current: int, now: float) -> int:
        """From what each metric wants: the most counts. One that has no answer keeps it from going down."""
        known = [each for each in wanted if each is not None]
        if not known or (len(known) < len(wanted) and max(known) < current):
            return current
        steady = self._stabilized(max(known), current, now)
        decided = self._limited(steady, current, now)
        if decided != current:
            self._changes.append((now, decided - current))
        return decided

    def _stabilized(self, wanted: int, current: int, now: float) -> int:
        up, down = self.rules.up.stabilization, self.rules.down.stabilization
        if not self._wanted:  # before there is a memory, what is there was wanted
            self._wanted.append((now, current))
        self._wanted = [each for each in self._wanted if now - each[0] < max(up, down)]
        least = min([wanted, *(count for at, count in self._wanted if now - at < up)])
        most = max([wanted, *(count for at, count in self._wanted if now - at < down)])
        self._wanted.append((now, wanted))
        return min(max(current, least), most)

    def _limited(self, wanted: int, current: int, now: float) -> int:
        rules = self.rules
        if wanted > current:
            before = current - self._changed(rules.up.period, now, up=True)
            limit = max(before + rules.up.pods, ceil(before * (1 + rules.up.percent / 100)))
            return max(current, min(wanted, limit, rules.most))
        before = current + self._changed(rules.down.period, now, up=False)
        limit = min(before - rules.down.pods, floor(before * (1 - rules.down.percent / 100)))
        return min(current, max(wanted, limit, rules.least))

    def _changed(self, period: float, now: float, up: bool) -> int:
        return sum(abs(by) for at, by in self._changes if now - at < period and (by > 0) == up)
