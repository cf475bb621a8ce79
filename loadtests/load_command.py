"""`slipway loadtest URL`. Rule: arguments and words only."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

_LOAD, _DECIDE, _WRITE = "The load", "What to find out", "What to write"


def load(
    url: Annotated[str, Argument(help="The server, as in http://localhost:8000.")],
    model: Annotated[str | None, Option(help="The model to ask; the only one unless given.")] = None,
    rate: Annotated[
        str | None,
        Option(metavar="N", rich_help_panel=_LOAD, help="Requests a second, come what may; 50..400: a ramp."),
    ] = None,
    arrivals: Annotated[str, Option(rich_help_panel=_LOAD, help="poisson, constant or bursts.")] = "poisson",
    concurrency: Annotated[
        int | None,
        Option(metavar="N", min=1, rich_help_panel=_LOAD, help="Callers who wait for an answer before they go on."),
    ] = None,
    seconds: Annotated[
        float, Option(metavar="N", min=0.1, rich_help_panel=_LOAD, help="How long; with --slo, each try.")
    ] = 10.0,
    warm_up: Annotated[
        float, Option(metavar="N", min=0, rich_help_panel=_LOAD, help="Seconds before, which don't count.")
    ] = 1.0,
    processes: Annotated[int, Option(metavar="N", min=1, rich_help_panel=_LOAD, help="Of the generator.")] = 1,
    timeout: Annotated[
        float, Option(metavar="N", min=0.001, rich_help_panel=_LOAD, help="Seconds to wait for an answer.")
    ] = 30.0,
    seed: Annotated[int, Option(metavar="N", rich_help_panel=_LOAD, help="Of times and inputs.")] = 0,
    header: Annotated[list[str] | None, Option(help="With every request, as in 'Authorization: Bearer KEY'.")] = None,
    slo: Annotated[
        list[str] | None,
        Option(
            metavar="p99<50ms",
            rich_help_panel=_DECIDE,
            help="Find the highest rate that holds this; also ttft_p95<200ms, itl_p99<30ms. May be repeated.",
        ),
    ] = None,
    plan: Annotated[
        str | None,
        Option(metavar="5000rps", rich_help_panel=_DECIDE, help="With --slo: how many replicas this rate needs."),
    ] = None,
    sweep: Annotated[
        bool, Option("--sweep", rich_help_panel=_DECIDE, help="Latency at each rate, and the knee of that curve.")
    ] = False,
    precision: Annotated[
        float | None,
        Option(metavar="N", min=0.001, rich_help_panel=_DECIDE, help="Stop when p99 is sure within this share."),
    ] = None,
    json_file: Annotated[
        Path | None, Option("--json", metavar="FILE", rich_help_panel=_WRITE, help="The result, for `compare`.")
    ] = None,
) -> None:
    """Load a model server, and say honestly how long its users waited.

    Latency counts from when a request was meant to leave, so a server that stalls can't hide it.
    """
    from loadtests import inputs, terms
    from loadtests.asking import CannotTest, document, only_model
    from loadtests.objective import parsed
    from loadtests.result_file import write
    from loadtests.run import Plan, Target
    from loadtests.screen import Screen
    from loadtests.senders import SenderDied
    from loadtests.session import Question, answered

    try:
        wanted = terms.load(rate, concurrency, arrivals)
        question = Question(tuple(map(parsed, slo or ())), terms.peak(plan, slo), sweep, precision)
        headers = tuple(terms.header(line) for line in header or ())
        name = model or only_model(url, dict(headers))
        calls = inputs.calls(document(url, f"/v2/models/{name}", dict(headers)), 16, seed)
    except (CannotTest, ValueError) as error:
        typer.secho(f"loadtest: {error}", fg="red", err=True)
        raise typer.Exit(2) from None
    target = Target(url, name, "v2", calls, headers, timeout)
    screen = Screen()
    try:
        found = answered(target, Plan(wanted, seconds, warm_up, processes, seed), question, screen)
    except SenderDied as error:
        typer.secho(f"loadtest: {error}", fg="red", err=True)
        raise typer.Exit(2) from None
    if json_file is not None:
        write(json_file, found)
    raise typer.Exit(0 if screen.concluded(found) else 1)
