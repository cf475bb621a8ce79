"""`slipway loadtest scenario`. Rule: arguments and words only."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from loadtests import request_options
from loadtests.refusal import refusing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from loadtests.scenarios.judging import Judged


def scenario(
    name: Annotated[str | None, Argument(metavar="NAME|FILE", help="One that --list shows, or a TOML file.")] = None,
    url: Annotated[str | None, Argument(help="The server, as in http://localhost:8000.")] = None,
    list_them: Annotated[bool, Option("--list", help="Show those that there are.")] = False,
    model: Annotated[str | None, Option(help="The model to ask, where the scenario names none.")] = None,
    seconds: Annotated[
        float | None, Option(metavar="N", min=0.5, help="How long all of it lasts, instead of as long as it says.")
    ] = None,
    capacity: Annotated[
        float | None,
        Option(metavar="N", min=0.1, help="Requests a second that the server can do; it is measured unless given."),
    ] = None,
    processes: Annotated[int, Option(metavar="N", min=1, help="Of the generator, for each part.")] = 1,
    warm_up: Annotated[float, Option(metavar="N", min=0, help="Seconds before, which don't count.")] = 1.0,
    timeout: Annotated[float, Option(metavar="N", min=0.001, help="Seconds to wait for an answer.")] = 30.0,
    seed: Annotated[int, Option(metavar="N", help="Of times and inputs.")] = 0,
    header: Annotated[list[str] | None, Option(help="With every request, as in 'Authorization: Bearer KEY'.")] = None,
    protocol: request_options.Protocol = "auto",
    max_tokens: request_options.MaxTokens = None,
    ca_file: request_options.CaFile = None,
    insecure: request_options.Insecure = False,
    metrics_url: Annotated[
        str | None, Option(metavar="URL", help="Where its metrics are; its port 8002 unless given.")
    ] = None,
    grpc_url: Annotated[str | None, Option(metavar="URL", help="Its gRPC address; its port 8001 unless given.")] = None,
    json_file: Annotated[Path | None, Option("--json", metavar="FILE", help="The result.")] = None,
) -> None:
    """Play a scenario, and say whether what it asks for was so.

    Exit code 0: all of it. 1: something was not. 2: it can't be played. 3: a longer one would tell.
    """
    from rich.console import Console

    from loadtests import destination, request_terms, terms
    from loadtests.asking import CannotTest
    from loadtests.clients.trust import Trust
    from loadtests.inputs.wanted import Wanted
    from loadtests.report_command import write_result
    from loadtests.scenarios.judging import Verdict, worst
    from loadtests.scenarios.play import Given, played
    from loadtests.scenarios.scenario_file import found, lasting
    from loadtests.screen import Screen
    from loadtests.senders import SenderDied
    from loadtests.targeting import Aim

    console = Console()
    if list_them:
        _show(console)
        return
    with refusing("scenario", CannotTest, SenderDied, ValueError):
        if name is None or url is None:
            raise ValueError("say which, and where the server is, as in: scenario smoke http://localhost:8000")
        destination.check("--json", json_file)
        chosen = found(name)
        if seconds is not None:
            chosen = lasting(chosen, seconds)
        headers = tuple(terms.header(line) for line in header or ())
        wanted = Wanted(max_tokens=request_terms.span("--max-tokens", max_tokens), seed=seed)
        aim = Aim(url.rstrip("/"), model, protocol, None, wanted, headers, timeout, Trust(insecure, str(ca_file or "")))
        given = Given(aim, metrics_url, grpc_url or "", capacity, processes, warm_up, seed)
        document, told = played(chosen, given, Screen(console), console.print)
    _tell(console, told)
    if json_file is not None:
        write_result(json_file, document)
    raise typer.Exit({Verdict.FAILED: 1, Verdict.UNSURE: 3}.get(worst(told), 0))


_COLOURS = {"passed": "green", "failed": "red", "unsure": "yellow"}


def _tell(console: "Console", told: "Sequence[Judged]") -> None:
    from rich.text import Text

    for each in told:
        line = Text.assemble((f"{each.verdict:6}", _COLOURS[each.verdict]), f"  {each.check}: {each.words}")
        console.print(line, soft_wrap=True)


def _show(console: "Console") -> None:
    from rich.table import Table

    from loadtests.scenarios.scenario_file import shipped

    table = Table("", "", "seconds", box=None, show_header=True)
    for name, each in shipped().items():
        table.add_row(name, each.description, f"{each.seconds:g}{' for each rate' if each.find else ''}")
    console.print(table)
