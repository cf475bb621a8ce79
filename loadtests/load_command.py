"""`slipway loadtest URL`. Rule: words only; heavy imports wait until it runs."""

from typing import TYPE_CHECKING

import typer

from loadtests.load_options import LoadOptions
from loadtests.refusal import refusing
from serving.options import with_options

if TYPE_CHECKING:
    from loadtests.order import Order
    from loadtests.result_file import Document
    from loadtests.screen import Screen


@with_options
def load(options: LoadOptions) -> None:
    """Load a model server, and say honestly how long its users waited.

    Latency counts from when a request was meant to leave, so a server that stalls can't hide it.
    """
    from loadtests import destination
    from loadtests.asking import CannotTest
    from loadtests.order import ordered
    from loadtests.report_command import check, write_report, write_result
    from loadtests.screen import Screen

    check(options.report)
    with refusing("loadtest", CannotTest, ValueError):
        destination.check("--json", options.json_file)
        order = ordered(options)
    screen = Screen()
    found = _found(order, screen)
    code = screen.concluded(found)
    if options.json_file is not None:
        write_result(options.json_file, found)
    if options.report is not None:
        write_report(options.report, found)
    raise typer.Exit(code)


def _found(order: "Order", screen: "Screen") -> "Document":
    from dataclasses import replace

    from loadtests.screen import INTERRUPTED
    from loadtests.senders import SenderDied
    from loadtests.session import answered

    try:
        with refusing("loadtest", SenderDied):
            found = answered(order.target, order.plan, order.question, screen)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    finally:
        screen.close()
    for note in order.notes:
        typer.secho(f"bear in mind: {note}", fg="yellow")
    return replace(found, runs=tuple(replace(run, notes=(*run.notes, *order.notes)) for run in found.runs))
