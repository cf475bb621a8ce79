"""One load test: a load on a target, counted until it is over. Rule: what came in before a fault is kept and told."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from loadtests.call import Call, Header
from loadtests.clients.trust import THE_KNOWN, Trust
from loadtests.load import Closed, Load, Replay
from loadtests.result import Generator, Result
from loadtests.sender_process import Errand
from loadtests.senders import Senders, started
from loadtests.sending import Share
from loadtests.summary import latencies, moments
from loadtests.tally import Tally
from loadtests.validity import faults

_LOOK = 0.25  # seconds
_MOST_SPANS = 600


@dataclass(frozen=True, slots=True)
class Target:
    """Which model of which server, and how it is asked. `timeout` in seconds."""

    url: str
    model: str
    protocol: str
    calls: tuple[Call, ...]
    headers: tuple[Header, ...] = ()
    timeout: float = 30.0
    trust: Trust = THE_KNOWN


@dataclass(frozen=True, slots=True)
class Plan:
    """A load of `seconds`, after `warm_up` seconds of the same that don't count. `objective` in seconds."""

    load: Load
    seconds: float
    warm_up: float = 1.0
    processes: int = 1
    seed: int = 0
    objective: float | None = None
    most_at_once: int = 10_000


@dataclass(frozen=True, slots=True)
class Progress:
    """While a load runs: what has been counted, and how many of its seconds have passed."""

    tally: Tally
    passed: float
    seconds: float


Watch = Callable[[Progress], bool]
"""Whether the load has said enough."""


class Cost:
    """Of the generator: seconds of processor, and the busiest process's share of one."""

    def __init__(self) -> None:
        self.cpu = 0.0
        self.busy = 0.0

    def add(self, cpu: float, passed: float) -> None:
        self.cpu += cpu
        self.busy = max(self.busy, cpu / passed) if passed > _LOOK / 2 else self.busy


def run(target: Target, plan: Plan, watch: Watch = lambda _: False) -> Result:
    """Raises `SenderDied`."""
    share = Share(target.calls, plan.load, 0.0, plan.seconds, plan.seed, most_at_once=plan.most_at_once)
    errand = Errand(target.url, target.protocol, target.headers, target.timeout, share, plan.warm_up, target.trust)
    tally, cost = Tally(max(1.0, plan.seconds / _MOST_SPANS)), Cost()
    with started(errand, plan.processes) as senders:
        began = datetime.now(UTC).isoformat(timespec="milliseconds")
        seconds = _counted(senders, tally, cost, plan, watch)
    return result(target, plan, tally, cost, began, seconds)


def _counted(senders: Senders, tally: Tally, cost: Cost, plan: Plan, watch: Watch) -> float:
    """The seconds that the load lasted."""
    seconds, stopped = plan.seconds, False
    for news in senders.news(_LOOK):
        if news is not None:
            tally.add(news.outcomes)
            cost.add(news.cpu, news.passed)
        passed = time.monotonic() - senders.start
        if not stopped and 0 < passed < plan.seconds and watch(Progress(tally, passed, plan.seconds)):
            senders.stop()
            seconds, stopped = passed, True
    return seconds


def result(target: Target, plan: Plan, tally: Tally, cost: Cost, began: str, seconds: float) -> Result:
    fates = tally.fates
    lasted = max(seconds, tally.last_finish)
    answered = len(tally.latency)
    spans = [span.latency for _, span in sorted(tally.spans.items())]
    return Result(
        url=target.url,
        model=target.model,
        protocol=target.protocol,
        load=described(plan.load),
        began=began,
        seconds=round(seconds, 3),
        span=tally.span,
        requests=tally.requests,
        fates={str(fate): count for fate, count in fates.items()},
        statuses={str(status): count for status, count in sorted(tally.statuses.items())},
        messages=dict(tally.messages.most_common()),
        offered=round(tally.requests / seconds, 3),
        answered=round(answered / lasted, 3),
        rows=round(answered * _rows(target.calls) / lasted, 3),
        latency=latencies(tally.latency, spans),
        service=latencies(tally.service),
        slip=latencies(tally.slip),
        first=latencies(tally.first) if len(tally.first) else None,
        gap=latencies(tally.gap) if len(tally.gap) else None,
        tokens=round(tally.tokens / lasted, 3),
        moments=moments(tally),
        generator=Generator(plan.processes, round(cost.busy, 3), _per_request(cost.cpu, tally.requests), plan.seed),
        invalid=tuple(faults(tally, plan.objective, cost.busy, isinstance(plan.load, Closed))),
    )


def described(load: Load) -> dict[str, Any]:
    if isinstance(load, Replay):
        return {"kind": "replay", "requests": len(load.times)}
    return {"kind": type(load).__name__.lower(), **asdict(load)}


def _rows(calls: Sequence[Call]) -> float:
    return sum(call.rows for call in calls) / max(1, len(calls))


def _per_request(cpu: float, requests: int) -> float:
    return round(cpu / requests * 1e6, 1) if requests else 0.0
