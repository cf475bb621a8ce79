"""`slipway loadtest URL`. Rule: arguments and words only."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option


def load(
    url: Annotated[str, Argument(help="The server, as in http://localhost:8000.")],
    model: Annotated[str | None, Option(help="The model to ask; the only one unless given.")] = None,
    rate: Annotated[
        str | None,
        Option(metavar="N", help="Requests a second, whether or not others came back; 50..400: a ramp."),
    ] = None,
    arrivals: Annotated[str, Option(help="poisson, constant or bursts.")] = "poisson",
    concurrency: Annotated[
        int | None, Option(metavar="N", min=1, help="Callers who each wait for their answer before they ask again.")
    ] = None,
    seconds: Annotated[float, Option(metavar="N", min=0.1, help="How long.")] = 10.0,
    warm_up: Annotated[float, Option(metavar="N", min=0, help="Seconds before, which don't count.")] = 1.0,
    processes: Annotated[int, Option(metavar="N", min=1, help="Of the generator.")] = 1,
    timeout: Annotated[float, Option(metavar="N", min=0.001, help="Seconds to wait for an answer.")] = 30.0,
    seed: Annotated[int, Option(help="Of times and inputs.")] = 0,
    header: Annotated[list[str] | None, Option(help="With every request, as in 'Authorization: Bearer KEY'.")] = None,
    json_file: Annotated[Path | None, Option("--json", metavar="FILE", help="Where to write the result.")] = None,
) -> None:
    """Load a model server, and say honestly how long its users waited.

    Latency counts from when a request was meant to leave, so a server that stalls can't hide it.
    """
    from loadtests import inputs, terms
    from loadtests.asking import CannotTest, document, only_model
    from loadtests.result_file import Document, write
    from loadtests.run import Plan, Target, run

    try:
        wanted = terms.load(rate, concurrency, arrivals)
        headers = tuple(terms.header(line) for line in header or ())
        name = model or only_model(url, dict(headers))
        calls = inputs.calls(document(url, f"/v2/models/{name}", dict(headers)), 16, seed)
    except (CannotTest, terms.UnknownTerms) as error:
        typer.secho(f"loadtest: {error}", fg="red", err=True)
        raise typer.Exit(2) from None
    target = Target(url, name, "v2", calls, headers, timeout)
    result = run(target, Plan(wanted, seconds, warm_up, processes, seed))
    if json_file is not None:
        write(json_file, Document((result,)))
    typer.echo(f"{result.answered} answered/s, p50 {result.latency.p50} ms, p99 {result.latency.p99} ms")
    for reason in result.invalid:
        typer.secho(f"INVALID: {reason}", fg="red")
    raise typer.Exit(1 if result.invalid else 0)
