"""Batching policies side by side in simulated time: how many requests each answers in time, at every load.

    python -m loadtests.benchmarks.policies                       # tables for people, one JSON line last
    python -m loadtests.benchmarks.policies --picture curves.svg --csv curves.csv

Rule: every policy is the server's own `DynamicBatcher` and meets the same arrivals and the same noise; what it knows of
the model it learns from the batches that it ran.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from random import Random
from statistics import median
from typing import Annotated

import typer

from loadtests.benchmarks.arrivals import departures
from loadtests.benchmarks.fates import Fate, Figures, Outcome, best, figures
from loadtests.benchmarks.report import last_line, run_command, show, spread, table
from loadtests.benchmarks.simulated import Record, simulate
from serving.core.batching_config import BatchingConfig
from serving.scheduling.dynamic import DynamicBatcher

MAX_BATCH = 32
BASE, PER_ROW, NOISE = 4e-3, 0.4e-3, 0.03
"""Seconds of a batch, of each of its rows, and by what share a batch takes more or less (one standard deviation)."""
CAPACITY = MAX_BATCH / (BASE + PER_ROW * MAX_BATCH)  # requests per second
QUEUE = 4096
DELAY = 5e-3
FRACTIONS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)

FIXED, PREFERRED, TUNED, TUNED_EACH, OURS = (
    "fixed delay",
    "preferred sizes",
    "tuned queue timeout",
    "one tuned for each class",
    "deadlines",
)


@dataclass(eq=False, slots=True)
class Request:
    objective: float
    deadline: float
    expires: float
    rows: int = 1
    key: tuple[()] = ()
    priority: int = 0
    arrived: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """Requests have one of the `objectives`, in seconds, by chance; `variation` as in `departures`. `stalls` is the
    share of batches that the machine keeps up to three times as long."""

    name: str
    variation: float
    objectives: tuple[float, ...]
    stalls: float = 0.0


SCENARIOS = (
    Scenario("even arrivals, 50 ms", 1.0, (0.05,)),
    Scenario("bursts, 50 ms", 4.0, (0.05,)),
    Scenario("bursts, 25 ms", 4.0, (0.025,)),
    Scenario("bursts, 50 ms, 2 % stall", 4.0, (0.05,), stalls=0.02),
    Scenario("even arrivals, 25 and 250 ms", 1.0, (0.025, 0.25)),
    Scenario("bursts, 25 and 250 ms", 4.0, (0.025, 0.25)),
    Scenario("bursts, 20 and 200 ms", 4.0, (0.02, 0.2)),
)


@dataclass(frozen=True, slots=True)
class Policy:
    """`timeout` gives the seconds that a request of an objective may wait; None where its objective is its deadline."""

    batching: BatchingConfig
    timeout: Callable[[float], float] | None

    def request(self, at: float, objective: float) -> Request:
        if self.timeout is None:
            return Request(objective, at + objective, at + objective)
        return Request(objective, inf, at + self.timeout(objective))


Found = dict[str, list[Figures]]
"""By policy, what each seed gave."""


def main(
    requests: Annotated[int, typer.Option(min=100, help="Requests that are judged, of a run.")] = 8000,
    seeds: Annotated[int, typer.Option(min=1, help="Runs for each figure, with arrivals of their own.")] = 3,
    loads: Annotated[str, typer.Option(help="Offered loads, in capacities.")] = "0.5,0.7,0.9,1,1.2,1.6,2",
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write all figures there.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the curves there (.svg, .png; needs matplotlib).")] = None,
) -> None:
    """Compare the scheduler's deadlines with what can be configured without them, in simulated time.

    One instance that takes 4 ms for a batch and 0.4 ms for each of its rows, with 3 % noise, up to 32 rows: 1,905
    requests/s. The queue timeout is the best of six fractions of an objective, taken anew at each load, so that it is
    as good as tuning by hand can make it; with two objectives also one for each. Medians over the seeds, with ranges.
    """
    offered = [float(each) for each in loads.split(",")]
    found = {
        scenario.name: {load: compare(scenario, load, requests, range(seeds)) for load in offered}
        for scenario in SCENARIOS
    }
    for name, by_load in found.items():
        show_scenario(name, by_load)
    if csv_file is not None:
        write_csv(csv_file, found)
    if picture is not None:
        from loadtests.benchmarks.curves import draw

        draw(picture, found)
    last_line({name: {str(load): summary(each) for load, each in loads.items()} for name, loads in found.items()})


def compare(scenario: Scenario, load: float, requests: int, seeds: Sequence[int]) -> Found:
    def runs(policy: Policy) -> list[Figures]:
        return [run(policy, scenario, load, requests, seed) for seed in seeds]

    full = BatchingConfig(MAX_BATCH, 0.0, (MAX_BATCH,))
    found = {
        FIXED: runs(Policy(BatchingConfig(MAX_BATCH, DELAY, (MAX_BATCH,)), lambda _: inf)),
        PREFERRED: runs(Policy(BatchingConfig(MAX_BATCH, DELAY, (8, 16, MAX_BATCH)), lambda _: inf)),
        TUNED: best(
            runs(Policy(full, _always(fraction * objective)))
            for fraction in FRACTIONS
            for objective in scenario.objectives
        ),
    }
    if len(scenario.objectives) > 1:
        found[TUNED_EACH] = best(runs(Policy(full, _share(fraction))) for fraction in FRACTIONS)
    return {**found, OURS: runs(Policy(full, None))}


def _always(seconds: float) -> Callable[[float], float]:
    return lambda _: seconds


def _share(fraction: float) -> Callable[[float], float]:
    return lambda objective: fraction * objective


def run(policy: Policy, scenario: Scenario, load: float, requests: int, seed: int) -> Figures:
    random, noise = Random(seed), Random(f"noise {seed}")
    seconds, edge = requests / (load * CAPACITY), max(scenario.objectives)
    times = departures(load * CAPACITY, seconds + 2 * edge, seed, scenario.variation)
    arrivals = [(at, policy.request(at, random.choice(scenario.objectives))) for at in times]
    scheduler: DynamicBatcher[Request] = DynamicBatcher(policy.batching, QUEUE)
    record = simulate(scheduler, arrivals, lambda batch: takes(len(batch), scenario.stalls, noise))
    return figures(fates(record), edge, edge + seconds)


def takes(rows: int, stalls: float, noise: Random) -> float:
    seconds = (BASE + PER_ROW * rows) * max(0.5, noise.gauss(1, NOISE))
    return seconds * noise.uniform(1, 3) if noise.random() < stalls else seconds


def fates(record: Record) -> list[Fate]:
    told = [(it.request, at - it.request.arrived, it.error) for at, it in record.events]
    waited = [
        Fate(request.arrived, request.objective, latency, Outcome.DROPPED if error else Outcome.ANSWERED)
        for request, latency, error in told
    ]
    return waited + [Fate(request.arrived, request.objective, 0.0, Outcome.REFUSED) for request, _ in record.refused]


def show_scenario(name: str, by_load: Mapping[float, Found]) -> None:
    first = next(iter(by_load.values()))
    rows = [
        (policy, *(show(spread([it.in_time for it in found[policy]])) for found in by_load.values()))
        for policy in first
    ]
    gains = [
        (f"{OURS} / {policy}", *(f"{gain(found, policy):.2f}" for found in by_load.values()))
        for policy in (TUNED, TUNED_EACH)
        if policy in first
    ]
    table((f"{name}: in time, %", *(f"{load:g} x" for load in by_load)), *rows, *gains)
    print()


def gain(found: Found, policy: str) -> float:
    """Our goodput in that of another policy."""
    return goodput(found[OURS]) / max(goodput(found[policy]), 1e-9)


def goodput(runs: Sequence[Figures]) -> float:
    return median(it.goodput for it in runs)


def summary(found: Found) -> dict[str, object]:
    medians = {
        policy: {
            name: round(median(getattr(it, name) for it in runs), 2)
            for name in ("in_time", "goodput", "throughput", "refused", "dropped", "late", "p50", "p99")
        }
        for policy, runs in found.items()
    }
    gains = {policy: round(gain(found, policy), 3) for policy in (TUNED, TUNED_EACH) if policy in found}
    return {**medians, "gain": gains}


def write_csv(path: Path, found: Mapping[str, Mapping[float, Found]]) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["scenario", "load", "policy", "seed", *Figures.__dataclass_fields__])
        for scenario, by_load in found.items():
            for load, policies in by_load.items():
                for policy, runs in policies.items():
                    for seed, each in enumerate(runs):
                        rows.writerow([scenario, load, policy, seed, *asdict(each).values()])


if __name__ == "__main__":
    run_command(main)
