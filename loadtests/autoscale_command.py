"""`slipway loadtest autoscale`. Rule: arguments and words only."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from loadtests.refusal import refusing

if TYPE_CHECKING:
    from loadtests.autoscaling.service import Measured
    from loadtests.autoscaling.simulation import Setup
    from loadtests.autoscaling.verdict import Verdict
    from loadtests.objective import Objective

_traffic = partial(Option, rich_help_panel="The traffic")
_cluster = partial(Option, rich_help_panel="The cluster")
_target = partial(Option, rich_help_panel="The server and its targets")
_USUAL_STRETCH = 1.25


def autoscale(
    file: Annotated[Path, Argument(metavar="FILE.json", help="What a load test with --slo and --json found.")],
    rate: Annotated[
        str | None, _traffic(metavar="N..M", help="Requests a second of all callers; 200..2000: a ramp.")
    ] = None,
    arrivals: Annotated[str, _traffic(help="poisson, constant or bursts.")] = "poisson",
    seconds: Annotated[float, _traffic(metavar="N", min=60, help="How long.")] = 900.0,
    replay: Annotated[
        Path | None, _traffic(metavar="FILE", help="What `slipway serve --record-file` wrote instead.")
    ] = None,
    speed: Annotated[float, _traffic(metavar="N", min=0.001, help="With --replay: times as fast.")] = 1.0,
    start_up: Annotated[float, _cluster(metavar="N", min=0, help="Seconds until a new replica is ready.")] = 60.0,
    scrape: Annotated[float, _cluster(metavar="N", min=1, help="Seconds between two.")] = 15.0,
    window: Annotated[float, _cluster(metavar="N", min=2, help="Seconds of a rate.")] = 60.0,
    least: Annotated[int, _cluster("--min", metavar="N", min=1, help="Replicas.")] = 2,
    most: Annotated[int, _cluster("--max", metavar="N", min=1, help="Replicas.")] = 100,
    target: Annotated[
        float, _target(metavar="N", min=0.05, max=1, help="Share of the capacity that is aimed at.")
    ] = 0.7,
    max_batch: Annotated[
        int | None, _target(metavar="N", min=1, help="Requests; the largest that ran unless given.")
    ] = None,
    instances: Annotated[
        int | None, _target(metavar="N", min=1, help="Of the model; as many as the server told unless given.")
    ] = None,
    sheds: Annotated[bool, _target("--sheds", help="The model's latency_objective_ms is the objective.")] = False,
    plot: Annotated[
        Path | None, Option(metavar="FILE.svg", help="Replicas and requests in time, as they went; also .png.")
    ] = None,
) -> None:
    """Try an autoscaler's targets on traffic before a cluster has them.

    One replica is as the load test measured it; Prometheus, HPA and pods that take their time are simulated.
    """
    from dataclasses import replace
    from math import inf

    from loadtests import destination
    from loadtests.autoscaling import plot_file
    from loadtests.autoscaling.advice import advice
    from loadtests.autoscaling.horizontal import Rules
    from loadtests.autoscaling.scraped import Signal
    from loadtests.autoscaling.service import measured
    from loadtests.autoscaling.simulation import Cluster, Setup
    from loadtests.autoscaling.targets import at_first, targets
    from loadtests.autoscaling.traffic import WrongTraffic, arriving
    from loadtests.autoscaling.verdict import growth, lag, verdict
    from loadtests.result_file import read

    with refusing("autoscale", ValueError):
        drawn_as = plot_file.kind(plot) if plot is not None else ""
        document = read(file)
        known = measured(document, max_batch, instances)
        objective = known.objective
        if most < least:
            raise WrongTraffic(f"--max must be at least --min, which is {least}, got {most}")
        times = arriving(rate, arrivals, seconds, replay, speed)
    service = replace(known.service, objective=objective.limit if sheds else inf)
    goals, rules = targets(service, known.capacity, target), Rules(least, most)
    begin = at_first(times, goals[Signal.PER_SECOND], rules)
    setup = Setup(goals, rules, begin, start_up, scrape, window)
    outcome = Cluster(service, setup).run(times)
    found = verdict(outcome, objective.limit, known.capacity, least)
    for line in _words(known, setup, lag(setup), target, objective, found):
        typer.echo(line)
    held = found.within >= objective.percent / 100
    if not held:
        grew = growth(times, lag(setup), least * target * known.capacity)
        for line in advice(found, setup, 1 / target - 1, grew, sheds):
            typer.echo(line)
    if plot is not None:
        from loadtests.autoscaling.plot import drawn

        page = drawn({file.name: outcome}, objective.limit, known.capacity, objective.percent, drawn_as)
        destination.save("--plot", plot, page)
    raise typer.Exit(0 if held else 1)


def _words(
    known: "Measured", setup: "Setup", seconds: float, share: float, objective: "Objective", found: "Verdict"
) -> Iterator[str]:
    service, goals = known.service, list(setup.targets.values())
    yield (
        f"one replica: a batch of b requests takes {service.base * 1e3:.3g} + {service.each * 1e3:.3g} b ms, "
        f"b up to {service.largest}{f', {service.instances} at once' if service.instances > 1 else ''}; "
        f"{known.capacity:.4g} requests/s hold {objective}"
    )
    if not _USUAL_STRETCH > known.stretch > 1 / _USUAL_STRETCH:
        yield (
            f"bear in mind: its callers waited as if batches took {known.stretch:.2g} times as long as the server "
            f"said; they are simulated so{'' if known.stretch > 1 else '. Has the model more --instances?'}"
        )
    yield f"targets: requestsPerSecondPerReplica {goals[0]:.4g}, requestsInFlightPerReplica {goals[1]:.3g}"
    yield (
        f"what was asked for is ready about {seconds:.0f} s after the load has grown; by then it may have grown by "
        f"{(1 / share - 1):.0%}"
    )
    yield (
        f"{found.within:.2%} of the requests were within {objective.limit * 1e3:g} ms, in the worst minute "
        f"{found.worst:.1%}; {found.most} replicas at most, {found.used:.2f} replica hours where {found.needed:.2f} "
        "would have been enough"
    )
