"""One load test: a load on a target, counted until it is over. Rule: what came in before a fault is kept and told."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from math import inf
from threading import Event
from typing import Any

from loadtests.call import Call, Header
from loadtests.clients.trust import THE_KNOWN, Trust
from loadtests.gone import PATIENCE, gone_since
from loadtests.interrupts import first_kept
from loadtests.load import Closed, Load, Open, Phased, Replay
from loadtests.machine import machine
from loadtests.result import Ending, Generator, Result
from loadtests.sender_process import Errand
from loadtests.senders import Senders, started
from loadtests.sending import Share
from loadtests.server_figures import of_streams
from loadtests.server_side import Sources, listening
from loadtests.summary import latencies, moments
from loadtests.tally import Tally
from loadtests.validity import faults, notes

_LOOK = 0.25  # seconds
_LEAST = 0.001  # seconds, to which a result is rounded
_MOST_SPANS = 600
_GRACE = 1.0  # seconds in which what is under way may come back after Ctrl-C


@dataclass(frozen=True, slots=True)
class Target:
    """Which model of which server, and how it is asked. `timeout` in seconds; `metrics_url` is where its metrics are,
    if not at port 8002."""

    url: str
    model: str
    protocol: str
    calls: tuple[Call, ...]
    headers: tuple[Header, ...] = ()
    timeout: float = 30.0
    trust: Trust = THE_KNOWN
    metrics_url: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A load of `seconds`, or until `requests` have left, after `warm_up` seconds of the same that don't count.
    `objective` in seconds.

    A server that has been gone for `patience` seconds ends it.
    """

    load: Load
    seconds: float
    warm_up: float = 1.0
    processes: int = 1
    seed: int = 0
    objective: float | None = None
    most_at_once: int = 10_000
    patience: float = PATIENCE
    requests: float = inf


@dataclass(frozen=True, slots=True)
class Progress:
    """While a load runs: what has been counted, how many of its seconds have passed, and how many requests are still
    waited for, which are in no count yet."""

    tally: Tally
    passed: float
    seconds: float
    under_way: int = 0


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
    """Raises `SenderDied`, and KeyboardInterrupt at the second Ctrl-C; the first ends the load."""
    share = Share(target.calls, plan.load, 0.0, plan.seconds, plan.seed, 0, 1, plan.most_at_once, plan.requests)
    errand = Errand(target.url, target.protocol, target.headers, target.timeout, share, plan.warm_up, target.trust)
    sources = Sources(target.url, target.model, target.headers, target.metrics_url, target.trust)
    where, tally, cost = machine(), Tally(max(1.0, plan.seconds / _MOST_SPANS)), Cost()
    with first_kept() as interrupted, started(errand, plan.processes) as senders:
        began = datetime.now(UTC).isoformat(timespec="milliseconds")
        every = max(1.0, plan.seconds / _MOST_SPANS)
        with listening(sources, senders.start, every) as heard:
            seconds, ending = _Counting(senders, tally, cost, plan).counted(watch, interrupted)
    found = result(target, plan, tally, cost, began, seconds)
    found = replace(found, server=of_streams(heard.told()) if found.first else heard.told(), machine=where)
    return _with_notes(found, tally, plan, ending)


class _Counting:
    def __init__(self, senders: Senders, tally: Tally, cost: Cost, plan: Plan) -> None:
        self._senders = senders
        self._tally = tally
        self._cost = cost
        self._plan = plan
        self._due = 0

    def counted(self, watch: Watch, interrupted: Event) -> tuple[float, Ending | None]:
        """The seconds that the load lasted, and why it ended before its time."""
        ended, ending = self._plan.seconds, None
        for news in self._senders.news(_LOOK):
            if news is not None:
                self._tally.add(news.outcomes)
                self._cost.add(news.cpu, news.passed)
                self._due += news.due
            passed = time.monotonic() - self._senders.start
            if ending is None and (ending := self._ending(passed, watch, interrupted)) is not None:
                self._senders.stop()
                ended = min(ended, max(_LOOK, passed))
            if ending is Ending.INTERRUPTED and passed > ended + _GRACE:
                break
        if ending is None and self._tally.requests >= self._plan.requests:
            return max(_LEAST, self._tally.last_finish), Ending.ENOUGH
        return ended, ending

    def _ending(self, passed: float, watch: Watch, interrupted: Event) -> Ending | None:
        if interrupted.is_set():
            return Ending.INTERRUPTED
        if not 0 < passed < self._plan.seconds:
            return None
        if watch(Progress(self._tally, passed, self._plan.seconds, max(0, self._due - self._tally.requests))):
            return Ending.ENOUGH
        return Ending.GONE if gone_since(self._tally, passed, self._plan.patience) is not None else None


def _with_notes(found: Result, tally: Tally, plan: Plan, ending: Ending | None) -> Result:
    invalid, said = found.invalid, list(notes(found))
    part = f"{found.seconds:g} of {plan.seconds:g} s"
    if ending is Ending.GONE:
        since = f"{tally.last_answer:.1f} s" if tally.last_answer else "the beginning"
        words = f"the server is gone since {since}: nothing was answered any more, so the load ended after {part}"
        invalid = (words, *invalid)
    if ending is Ending.INTERRUPTED:
        said.insert(0, f"Ctrl-C ended it after {part}; what was counted until then is here")
    return replace(found, invalid=invalid, notes=tuple(said), ended=ending or "")


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
    if isinstance(load, Phased):
        return _described_phases(load)
    return {"kind": type(load).__name__.lower(), **asdict(load)}


def _described_phases(load: Phased) -> dict[str, Any]:
    """An open load of their mean rate, with what each is."""
    seconds = sum(length for length, _ in load.phases)
    requests = sum(length * (phase.rate + phase.last) / 2 for length, phase in load.phases)
    phases = [{"seconds": length, **asdict(phase)} for length, phase in load.phases]
    return {"kind": "open", **asdict(Open(requests / seconds)), "phases": phases}


def _rows(calls: Sequence[Call]) -> float:
    return sum(call.rows for call in calls) / max(1, len(calls))


def _per_request(cpu: float, requests: int) -> float:
    return round(cpu / requests * 1e6, 1) if requests else 0.0
