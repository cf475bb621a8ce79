"""From what one server can do to how many are needed, and what an autoscaler should hold.

Rule: every assumption is a field, so that it is read with the answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from loadtests.conclusions import rate_held
from loadtests.inputs.openai_calls import CHAT, COMPLETIONS
from loadtests.result import Result

_MI = 2**20


@dataclass(frozen=True, slots=True)
class Assumptions:
    """`headroom` is kept free at the peak; `spare` replicas may be gone (an update, a node that fails); `target` is the
    share of a replica's capacity at which the autoscaler adds one."""

    headroom: float = 0.2
    spare: int = 1
    target: float = 0.7
    memory_margin: float = 0.25


@dataclass(frozen=True, slots=True)
class Use:
    """Of the server while it held its capacity: seconds of processor a second, and bytes of memory."""

    cpu: float
    memory: float


@dataclass(frozen=True, slots=True)
class Replicas:
    """`in_flight` is how many requests one replica has at once at the autoscaler's target: by Little's law, their rate
    times how long each is in the server. Those of a model that `writes` are its sequences."""

    wanted: float
    capacity: float
    replicas: int
    in_flight: float
    rate: float
    cpu: str
    memory: str
    assumptions: Assumptions
    writes: bool = False


def replicas(
    wanted: float, confirmed: Result, use: Use | None, assumptions: Assumptions, runs: Sequence[Result] = ()
) -> Replicas:
    """`wanted` in requests a second at the peak; `confirmed` is the run that held the objective at the capacity, `runs`
    are others at other rates."""
    capacity = rate_held(confirmed)
    count = ceil(wanted * (1 + assumptions.headroom) / capacity) + assumptions.spare
    rate = assumptions.target * capacity
    return Replicas(
        wanted=wanted,
        capacity=capacity,
        replicas=count,
        in_flight=float(f"{_in_flight(rate, (*runs, confirmed)):.3g}"),
        rate=float(f"{rate:.4g}"),
        cpu=f"{ceil(use.cpu * 10) * 100}m" if use else "",
        memory=f"{ceil(use.memory * (1 + assumptions.memory_margin) / _MI / 64) * 64}Mi" if use else "",
        assumptions=assumptions,
        writes=confirmed.protocol in (COMPLETIONS, CHAT),
    )


def _in_flight(rate: float, runs: Sequence[Result]) -> float:
    """Between what was seen at rates below and above; at the capacity requests wait longer than at the target."""
    seen = {run.offered: run.offered * _inside(run) for run in runs if run.latency.count}
    rates = sorted(seen)
    return float(np.interp(rate, [0.0, *rates], [0.0, *(seen[each] for each in rates)]))


def _inside(run: Result) -> float:
    """Seconds that a request is in the server, or at least that its caller waits."""
    told = [float(run.server[name]) for name in ("queue_ms", "compute_ms") if name in run.server]
    return (sum(told) if len(told) == 2 else run.latency.mean) / 1e3


def values(plan: Replicas) -> dict[str, Any]:
    """As Kubernetes' fields have it: what goes into the files of a deployment."""
    resources = {"requests": {"cpu": plan.cpu, "memory": plan.memory}, "limits": {"memory": plan.memory}}
    return {
        "replicas": plan.replicas,
        **({"resources": resources} if plan.cpu else {}),
        "autoscaling": {
            "minReplicas": max(1 + plan.assumptions.spare, ceil(plan.replicas / 4)),
            "maxReplicas": 2 * plan.replicas,
            "requestsPerSecondPerReplica": plan.rate,
            "requestsInFlightPerReplica": plan.in_flight,
            **({"sequencesPerReplica": plan.in_flight} if plan.writes else {}),
        },
    }


def use(run: Result) -> Use | None:
    """What the server said of itself during a run, if it did."""
    cpu, memory = run.server.get("cpu"), run.server.get("memory")
    return Use(cpu, memory) if cpu and memory else None
