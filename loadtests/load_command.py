"""`slipway loadtest URL`. Rule: arguments and words only."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from loadtests import request_options
from loadtests.refusal import refused, refusing

_LOAD, _DECIDE, _WRITE = "The load", "What to find out", "What to write"


def load(
    url: Annotated[str, Argument(help="The server, as in http://localhost:8000 or grpc://localhost:8001.")],
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
        float | None,
        Option(metavar="N", min=0.1, rich_help_panel=_LOAD, help="How long, 10 unless given; with --slo, each try."),
    ] = None,
    requests: Annotated[
        int | None,
        Option(metavar="N", min=1, rich_help_panel=_LOAD, help="End after so many, at the latest after --seconds."),
    ] = None,
    warm_up: Annotated[
        float, Option(metavar="N", min=0, rich_help_panel=_LOAD, help="Seconds before, which don't count.")
    ] = 1.0,
    replay: Annotated[
        Path | None,
        Option(metavar="FILE", rich_help_panel=_LOAD, help="What `slipway serve --record-file` wrote, as it came."),
    ] = None,
    speed: Annotated[
        float, Option(metavar="N", min=0.001, rich_help_panel=_LOAD, help="With --replay: times as fast.")
    ] = 1.0,
    processes: Annotated[int, Option(metavar="N", min=1, rich_help_panel=_LOAD, help="Of the generator.")] = 1,
    timeout: Annotated[
        float, Option(metavar="N", min=0.001, rich_help_panel=_LOAD, help="Seconds to wait for an answer.")
    ] = 30.0,
    seed: Annotated[int, Option(metavar="N", rich_help_panel=_LOAD, help="Of times and inputs.")] = 0,
    header: Annotated[list[str] | None, Option(help="With every request, as in 'Authorization: Bearer KEY'.")] = None,
    protocol: request_options.Protocol = "auto",
    data: request_options.Data = None,
    rows: request_options.Rows = 1,
    shape: request_options.Shape = None,
    values: request_options.Values = None,
    prompt_tokens: request_options.PromptTokens = None,
    max_tokens: request_options.MaxTokens = None,
    stream: request_options.Stream = True,
    hang_up_after: request_options.HangUpAfter = 0,
    extra: request_options.Extra = None,
    sequence_length: request_options.SequenceLength = 1,
    ca_file: request_options.CaFile = None,
    insecure: request_options.Insecure = False,
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
        Option(
            metavar="N",
            min=0.001,
            rich_help_panel=_DECIDE,
            help="Stop when p99 is sure within this share; --seconds at most.",
        ),
    ] = None,
    json_file: Annotated[
        Path | None, Option("--json", metavar="FILE", rich_help_panel=_WRITE, help="The result, for `compare`.")
    ] = None,
    report: Annotated[
        Path | None, Option(metavar="FILE.html", rich_help_panel=_WRITE, help="The result with plots, for people.")
    ] = None,
    metrics_url: Annotated[
        str | None,
        Option(metavar="URL", help="Where the server's Prometheus metrics are; its port 8002 unless given."),
    ] = None,
) -> None:
    """Load a model server, and say honestly how long its users waited.

    Latency counts from when a request was meant to leave, so a server that stalls can't hide it.
    """
    from dataclasses import replace
    from math import inf

    from loadtests import destination, request_terms, terms
    from loadtests.asking import CannotTest
    from loadtests.clients.trust import Trust
    from loadtests.inputs.wanted import Wanted
    from loadtests.load import Closed
    from loadtests.objective import parsed
    from loadtests.replaying import replayed
    from loadtests.report_command import check, write_report, write_result
    from loadtests.run import Plan
    from loadtests.screen import INTERRUPTED, Screen
    from loadtests.senders import SenderDied
    from loadtests.session import Question, answered
    from loadtests.targeting import Aim, target

    check(report)
    with refusing("loadtest", CannotTest, ValueError):
        destination.check("--json", json_file)
        wanted = terms.load(rate, concurrency, arrivals)
        is_search, is_load = bool(slo or sweep), rate is not None or concurrency is not None
        lasts = terms.seconds(seconds, requests, wanted)
        terms.check(is_load, replay is not None, is_search, precision, lasts, requests)
        question = Question(tuple(map(parsed, slo or ())), terms.peak(plan, slo), sweep, precision)
        headers = tuple(terms.header(line) for line in header or ())
        asked = Wanted(
            rows=rows,
            shapes=request_terms.shapes(shape or ()),
            values=request_terms.values(values or ()),
            prompt_tokens=request_terms.span("--prompt-tokens", prompt_tokens),
            max_tokens=request_terms.span("--max-tokens", max_tokens),
            stream=stream,
            hang_up_after=hang_up_after,
            extra=request_terms.extra(extra),
            sequence_length=sequence_length,
            concurrency=wanted.concurrency if isinstance(wanted, Closed) and not is_search else None,
            seed=seed,
        )
        trust = Trust(insecure, str(ca_file or ""))
        aim = Aim(url.rstrip("/"), model, protocol, data, asked, headers, timeout, trust)
        load_plan, notes = Plan(wanted, lasts, warm_up, processes, seed, requests=requests or inf), list[str]()
        if replay is None:
            aimed = target(aim)
        else:
            aimed, again, notes = replayed(replay, speed, aim)
            load_plan = replace(load_plan, load=again.load, seconds=again.seconds, warm_up=0.0)
    screen = Screen()
    try:
        found = answered(replace(aimed, metrics_url=metrics_url), load_plan, question, screen)
    except SenderDied as error:
        raise refused("loadtest", error) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    finally:
        screen.close()
    for note in notes:
        typer.secho(f"bear in mind: {note}", fg="yellow")
    found = replace(found, runs=tuple(replace(run, notes=(*run.notes, *notes)) for run in found.runs))
    code = screen.concluded(found)
    if json_file is not None:
        write_result(json_file, found)
    if report is not None:
        write_report(report, found)
    raise typer.Exit(code)
