"""What docs/autoscaling.md shows: the chart's targets on ramps, bursts, a step and a spike, and what does worse.

    python -m loadtests.benchmarks.autoscaling [--plot docs/images/autoscaling.png]

Rule: one model, whose figures stand here; all of it is simulated, so that it says the same everywhere.
"""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import ceil, inf
from pathlib import Path
from random import Random

import numpy as np

from loadtests.autoscaling.horizontal import Rules
from loadtests.autoscaling.plot import drawn
from loadtests.autoscaling.replica import Service
from loadtests.autoscaling.scraped import Signal
from loadtests.autoscaling.simulation import Cluster, Outcome, Setup, alone
from loadtests.autoscaling.targets import targets
from loadtests.autoscaling.verdict import Verdict, verdict
from loadtests.load import Open, Phased, departures

LIMIT, PERCENT = 0.5, 99
SERVICE = Service(0.08, 0.008, 8, objective=LIMIT)
RULES = Rules(most=40)
_USUAL = Setup({}, RULES)
_HALVINGS, _LONG = 8, 60.0


@dataclass(frozen=True, slots=True)
class Case:
    """`share` of the capacity is the target. `signals` are the chart's unless given; a rate is then a share too."""

    traffic: str
    name: str
    share: float = 0.7
    signals: Mapping[Signal, float] = field(default_factory=dict)
    service: Service = SERVICE
    setup: Setup = _USUAL


_SHIPPED, _USED, _DEFAULT = "as shipped", {Signal.BUSY: 0.8}, {Signal.IN_FLIGHT: 4.0}
_QUICK = Setup({}, RULES, start_up=20, scrape=5, window=30)
_PATIENT = replace(SERVICE, objective=inf)
CASES = (
    Case("ramp", _SHIPPED),
    Case("ramp", "the default, 4 in flight", signals=_DEFAULT),
    Case("ramp", "utilisation 80 %", signals=_USED),
    Case("ramp", "rates of 5 minutes", setup=Setup({}, RULES, window=300)),
    Case("bursts", _SHIPPED),
    Case("double bursts", _SHIPPED),
    Case("double bursts", "target 50 %", share=0.5),
    Case("double bursts", "utilisation 80 %", signals=_USED),
    Case("step", _SHIPPED),
    Case("step", "target 50 %", share=0.5),
    Case("step", "20 s start, scrapes of 5 s", setup=_QUICK),
    Case("step", "requests a second alone, 70 %", signals={Signal.PER_SECOND: 0.7}),
    Case("step", "no latency objective", service=_PATIENT),
    Case("spike", _SHIPPED),
    Case("spike", "target 50 %", share=0.5),
)
_SHOWN = (("ramp", _SHIPPED), ("bursts", _SHIPPED), ("step", _SHIPPED))
_SHOWN_WORSE = (("ramp", "utilisation 80 %"), ("ramp", "rates of 5 minutes"), ("step", "no latency objective"))


def traffic(capacity: float) -> dict[str, Phased]:
    """Loads in requests a second, here as multiples of what a replica can do."""

    def phased(*parts: tuple[float, float, float]) -> Phased:
        return Phased(tuple((seconds, Open(a * capacity, b * capacity)) for seconds, a, b in parts))

    return {
        "ramp": phased((120, 1.4, 1.4), (900, 1.4, 6), (180, 6, 6), (300, 6, 2)),
        "bursts": phased(*_bursts(2, 2.7, 60, 900)),
        "double bursts": phased(*_bursts(2, 4, 60, 900)),
        "step": phased((180, 2, 2), (420, 6, 6)),
        "spike": phased((180, 2, 2), (20, 6, 6), (220, 2, 2)),
    }


def _bursts(low: float, high: float, dwell: float, seconds: float) -> Iterator[tuple[float, float, float]]:
    """A Markov-modulated Poisson process: at one of two rates, for a time that is drawn anew each time."""
    random, passed = Random(5), 0.0
    while passed < seconds:
        for level in (low, high):
            lasts = random.expovariate(1 / dwell)
            yield lasts, level, level
            passed += lasts


def capacity_of(service: Service, limit: float, percent: float) -> float:
    low, high = 0.0, service.limit
    for number in range(_HALVINGS):
        middle = (low + high) / 2
        held = np.mean(alone(service, middle, _LONG, seed=number) <= limit) >= percent / 100
        low, high = (middle, high) if held else (low, middle)
    return low


def played(case: Case, load: Phased, capacity: float) -> tuple[Outcome, Verdict]:
    share = case.share * capacity
    own = {signal: goal * capacity if signal is Signal.PER_SECOND else goal for signal, goal in case.signals.items()}
    setup = replace(
        case.setup,
        targets=own or targets(case.service, capacity, case.share),
        replicas=max(RULES.least, ceil(load.phases[0][1].rate / share)),
    )
    outcome = Cluster(case.service, setup).run(departures(load, sum(seconds for seconds, _ in load.phases), seed=1))
    return outcome, verdict(outcome, LIMIT, capacity, RULES.least)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plot", type=Path, help="a PNG of some of them")
    plot = parser.parse_args().plot
    capacity = capacity_of(SERVICE, LIMIT, PERCENT)
    print(f"a replica can do {capacity:.0f} requests/s, {PERCENT} % of them within {LIMIT * 1e3:g} ms\n")
    print("| traffic | autoscaler | in time | worst minute | most replicas | replica hours / needed |")
    print("|---|---|---|---|---|---|")
    loads, outcomes = traffic(capacity), {}
    for case in CASES:
        outcome, found = played(case, loads[case.traffic], capacity)
        outcomes[case.traffic, case.name] = outcome
        row = (
            case.traffic,
            case.name,
            f"{found.within:.2%}",
            f"{found.worst:.1%}",
            f"{found.most}",
            f"{found.used / found.needed:.2f}",
        )
        print(f"| {' | '.join(row)} |", flush=True)
    if plot is not None:
        shown = {f"{load}, {name}": outcomes[load, name] for load, name in (*_SHOWN, *_SHOWN_WORSE)}
        plot.write_bytes(drawn(shown, LIMIT, capacity, PERCENT, "png"))


if __name__ == "__main__":
    main()
