"""A real server under more requests than it can answer: what is answered in time under each batching policy.

    python -m loadtests.benchmarks.overload                       # tables for people, one JSON line last; 25 minutes
    python -m loadtests.benchmarks.overload --quick               # two minutes
    python -m loadtests.benchmarks.overload --model mlp           # a model that computes, on the cores that all share

Rule: requests leave when they are meant to, whatever the server does, and latency counts from then; every policy meets
the same arrivals, in turns, and a run in which this client was late is not counted.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Annotated

import typer
import uvloop

from loadtests.benchmarks.arrivals import departures
from loadtests.benchmarks.callers import document, infer_binary
from loadtests.benchmarks.departing import Sent, send, slipped
from loadtests.benchmarks.fates import Fate, Figures, Outcome, figures
from loadtests.benchmarks.overload_models import FIXED, MAX_BATCH, Kind, Policy, deadlines, queue_timeout, write_models
from loadtests.benchmarks.overload_report import Found, show_scenario, show_targets, summary
from loadtests.benchmarks.report import last_line, run_command
from loadtests.benchmarks.server_process import Server, ServerFailed, started
from loadtests.call import Call

FRACTIONS = (0.3, 0.5, 0.7, 0.85)
"""Queue timeouts that are tried, in the objective; with two classes every second one of each."""
ROW = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Requests have one of the `objectives`, in seconds, by chance; `variation` as in `departures`."""

    name: str
    variation: float
    objectives: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Run:
    policy: Policy
    scenario: Scenario
    load: float
    round: int


def main(
    model: Annotated[Kind, typer.Option(help="`waits` leaves the cores alone, `mlp` computes.")] = Kind.WAITS,
    objective: Annotated[float, typer.Option(min=1, help="Milliseconds, where all requests have the same.")] = 100.0,
    classes: Annotated[str, typer.Option(help="Milliseconds, where half of the requests have each.")] = "25,250",
    loads: Annotated[str, typer.Option(help="Offered loads, in capacities.")] = "0.5,1,1.5,2",
    seconds: Annotated[float, typer.Option(min=0.5, help="Of a run that are judged.")] = 3.0,
    rounds: Annotated[int, typer.Option(min=1, help="How often everything is measured; all take turns.")] = 3,
    only: Annotated[str, typer.Option(help="Scenarios with these words in their names; they are in the tables.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Bursts only, at two loads, two seconds, once.")] = False,
) -> None:
    """Compare the scheduler's deadlines with what can be configured without them, on a real server under overload.

    One server has the same model once for each policy: a fixed delay of 5 ms; Triton's queue timeout, of which several
    are tried and the best is taken, at each load anew; and an objective (`latency_objective_ms`, or with two classes of
    requests their parameter `timeout`), nothing else. Capacity is measured first. Answers that come late don't
    count, nor do refusals. How late this client itself was is in the tables.
    """
    if quick:
        only, loads, seconds, rounds = only or "bursts", "1,2", 2.0, 1
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_models(root, [FIXED], model)
        with started(root, "--model-control-mode", "explicit", "--load-model", FIXED.name) as server:
            capacity = measure_capacity(server)
            compared = scenarios(objective / 1e3, *(float(each) / 1e3 for each in classes.split(",")))
            policies = {scenario: policies_for(scenario, objective / 1e3) for scenario in compared}
            models = {policy.name: policy for each in policies.values() for policy in each if policy != FIXED}
            write_models(root, models.values(), model)
            for name in models:
                document(server.port, f"/v2/repository/models/{name}/load", "POST")
            print(f"capacity {capacity:.0f} requests/s\n", flush=True)
            found = {}
            for scenario in compared:
                if only in scenario.name:
                    runs = plan(policies[scenario], scenario, [float(each) for each in loads.split(",")], rounds)
                    found[scenario.name] = carry_out(server, runs, capacity, seconds)
                    show_scenario(scenario.name, found[scenario.name])
    show_targets(found, objective)
    report = {name: {f"{load:g}": summary(each) for load, each in by_load.items()} for name, by_load in found.items()}
    last_line({"model": model.value, "capacity": round(capacity, 1), "objective_ms": objective, **report})


def scenarios(objective: float, *classes: float) -> list[Scenario]:
    requests = {"one objective": (objective,), "several objectives": tuple(sorted(classes))}
    arrivals = {"even arrivals": 1.0, "bursts": 4.0}
    return [
        Scenario(f"{which}, {name}", variation, objectives)
        for name, objectives in requests.items()
        for which, variation in arrivals.items()
    ]


def policies_for(scenario: Scenario, objective: float) -> list[Policy]:
    """`objective` is that of the model, which counts where requests bring none."""
    fractions = FRACTIONS if len(scenario.objectives) == 1 else FRACTIONS[::2]
    seconds = [fraction * each for each in scenario.objectives for fraction in fractions]
    return [FIXED, *map(queue_timeout, seconds), deadlines(objective)]


def plan(policies: Sequence[Policy], scenario: Scenario, loads: Sequence[float], rounds: int) -> list[Run]:
    """Policies take turns, so that what else happens on the machine happens to all."""
    return [Run(policy, scenario, load, number) for number in range(rounds) for load in loads for policy in policies]


def measure_capacity(server: Server) -> float:
    """Requests per second in full batches, after a warm-up."""
    call = infer_binary(FIXED.name, *ROW)
    for batches in (3, 30):
        sent = uvloop.run(send(server.port, [(0.0, call)] * batches * MAX_BATCH))
        if any(each.answer.status != 200 for each in sent):
            raise ServerFailed(f"a request was answered {sent[0].answer.body!r}")
        capacity = len(sent) / max(each.answer.came for each in sent)
    return capacity


def carry_out(server: Server, runs: Sequence[Run], capacity: float, seconds: float) -> dict[float, Found]:
    """By load and policy: the figures of each round. What is not valid is tried again, twice at most."""
    found: dict[float, Found] = {}
    for number, run in enumerate(runs, 1):
        print(f"\rrun {number} of {len(runs)}", end="\n" if number == len(runs) else "", file=sys.stderr, flush=True)
        results = found.setdefault(run.load, {}).setdefault(run.policy.name, [])
        tries = (carry_out_one(server, run, capacity, seconds) for _ in range(3))
        results += islice(filter(None, tries), 1)
    return found


def carry_out_one(server: Server, run: Run, capacity: float, seconds: float) -> Figures | None:
    """None where this client was late."""
    edge = max(run.scenario.objectives)
    planned = list(requests(run, capacity * run.load, seconds + 2 * edge))
    sent = uvloop.run(send(server.port, [(at, call) for at, _, call in planned]))
    if slipped(sent):
        return None
    fates = [fate(each, objective) for each, (_, objective, _) in zip(sent, planned, strict=True)]
    return figures(fates, edge, edge + seconds)


def requests(run: Run, rate: float, seconds: float) -> Iterator[tuple[float, float, Call]]:
    """When each leaves, its objective, and what is asked."""
    random, objectives = Random(run.round), run.scenario.objectives
    tells = run.policy.sets_deadlines and len(objectives) > 1
    calls = {it: infer_binary(run.policy.name, *ROW, timeout=it if tells else 0.0) for it in objectives}
    for at in departures(rate, seconds, run.round, run.scenario.variation):
        objective = random.choice(objectives)
        yield at, objective, calls[objective]


def fate(sent: Sent, objective: float) -> Fate:
    answer = sent.answer
    return Fate(answer.planned, objective, answer.latency, outcome(answer.status, answer.body), sent.slip)


def outcome(status: int, body: bytes) -> Outcome:
    if status == 200:
        return Outcome.ANSWERED
    if status != 503:
        return Outcome.FAILED
    return Outcome.DROPPED if b"Request timeout" in body else Outcome.REFUSED


if __name__ == "__main__":
    run_command(main)
