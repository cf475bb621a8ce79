"""What `slipway loadtest URL` can be told, with the words of its help. Rule: names, words and ranges only."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from loadtests import request_options

_load = partial(Option, rich_help_panel="The load")
_decide = partial(Option, rich_help_panel="What to find out")
_write = partial(Option, rich_help_panel="What to write")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    url: Annotated[str, Argument(help="The server, as in http://localhost:8000 or grpc://localhost:8001.")]
    model: Annotated[str | None, Option(help="The model to ask; the only one unless given.")] = None
    rate: Annotated[str | None, _load(metavar="N", help="Requests a second, come what may; 50..400: a ramp.")] = None
    arrivals: Annotated[str, _load(help="poisson, constant or bursts.")] = "poisson"
    concurrency: Annotated[
        int | None, _load(metavar="N", min=1, help="Callers who wait for an answer before they go on.")
    ] = None
    seconds: Annotated[
        float | None, _load(metavar="N", min=0.1, help="How long, 10 unless given; with --slo, each try.")
    ] = None
    requests: Annotated[
        int | None, _load(metavar="N", min=1, help="End after so many, at the latest after --seconds.")
    ] = None
    warm_up: Annotated[float, _load(metavar="N", min=0, help="Seconds before, which don't count.")] = 1.0
    replay: Annotated[
        Path | None, _load(metavar="FILE", help="What `slipway serve --record-file` wrote, as it came.")
    ] = None
    speed: Annotated[float, _load(metavar="N", min=0.001, help="With --replay: times as fast.")] = 1.0
    processes: Annotated[int, _load(metavar="N", min=1, help="Of the generator.")] = 1
    timeout: Annotated[float, _load(metavar="N", min=0.001, help="Seconds to wait for an answer.")] = 30.0
    seed: Annotated[int, _load(metavar="N", help="Of times and inputs.")] = 0
    header: Annotated[list[str] | None, Option(help="With every request, as in 'Authorization: Bearer KEY'.")] = None
    protocol: request_options.Protocol = "auto"
    data: request_options.Data = None
    rows: request_options.Rows = 1
    shape: request_options.Shape = None
    values: request_options.Values = None
    prompt_tokens: request_options.PromptTokens = None
    max_tokens: request_options.MaxTokens = None
    stream: request_options.Stream = True
    hang_up_after: request_options.HangUpAfter = 0
    extra: request_options.Extra = None
    sequence_length: request_options.SequenceLength = 1
    ca_file: request_options.CaFile = None
    insecure: request_options.Insecure = False
    slo: Annotated[
        list[str] | None,
        _decide(
            metavar="p99<50ms",
            help="Find the highest rate that holds this; also ttft_p95<200ms, itl_p99<30ms. May be repeated.",
        ),
    ] = None
    plan: Annotated[str | None, _decide(metavar="5000rps", help="With --slo: how many replicas this rate needs.")] = (
        None
    )
    sweep: Annotated[bool, _decide("--sweep", help="Latency at each rate, and the knee of that curve.")] = False
    precision: Annotated[
        float | None,
        _decide(metavar="N", min=0.001, help="Stop when p99 is sure within this share; --seconds at most."),
    ] = None
    json_file: Annotated[Path | None, _write("--json", metavar="FILE", help="The result, for `compare`.")] = None
    report: Annotated[Path | None, _write(metavar="FILE.html", help="The result with plots, for people.")] = None
    metrics_url: Annotated[
        str | None, Option(metavar="URL", help="Where the server's Prometheus metrics are; its port 8002 unless given.")
    ] = None
