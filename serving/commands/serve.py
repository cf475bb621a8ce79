"""`slipway serve`: start a server and say where to look."""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from serving.commands.access_config import InvalidAccess, with_keys_of
from serving.commands.banner import say_where_to_look
from serving.commands.chosen_settings import chosen_settings
from serving.commands.configuration import SECRETS, unknown, variable
from serving.commands.failures import CannotServe, check_places, failures
from serving.commands.late_places import wait_for
from serving.commands.serve_options import KINDS, ServeOptions
from serving.exit_codes import ExitCode
from serving.log import LogStyle, formatter
from serving.options import with_options
from serving.settings import Settings
from serving.stopping import Stop, stop_on_signals

if TYPE_CHECKING:  # the server's imports take a second, which `slipway --help` should not
    from serving.server import Started

log = logging.getLogger("slipway")


@with_options
def serve(options: ServeOptions) -> None:
    """Serve the models of a repository over HTTP and gRPC.

    [bold]Examples[/bold]

    [cyan]slipway serve[/cyan]  ./model_repository on port 8000

    [cyan]slipway serve /models --host 0.0.0.0[/cyan]  for other machines, as in a container

    [cyan]slipway serve s3://bucket/models[/cyan]  models that lie elsewhere

    [cyan]slipway serve --http-port 9000 --grpc-port 9001 --metrics-port 9002[/cyan]  other ports

    [cyan]slipway serve --model-control-mode explicit --load-model digits-cnn[/cyan]  one model now, others by request

    [cyan]slipway serve --model-control-mode poll[/cyan]  new versions go live as they are published

    [cyan]slipway serve --config slipway.toml[/cyan]  options from a file

    Each option can also be set by an environment variable, SLIPWAY_HTTP_PORT
    for --http-port, or in the file: http_port = 9000. `slipway config` shows
    what holds, and why. Ctrl-C answers what runs, then stops.
    """
    settings = chosen_settings(options, os.environ)
    if options.api_key_file is not None:
        try:
            settings = replace(settings, access=with_keys_of(options.api_key_file, settings.access))
        except InvalidAccess as error:
            raise typer.BadParameter(str(error)) from None
    for secret in SECRETS:  # from now on no process of a model is told
        os.environ.pop(variable(secret), None)
    _log_to_stderr(options.log_style)
    wait_for(settings.places, os.environ)
    try:
        check_places(settings)
    except CannotServe as error:
        _say_why(options.log_style, str(error))
        raise typer.Exit(error.code) from None
    for warning in unknown(os.environ, KINDS):
        log.warning(warning)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, options.log_style))


def _log_to_stderr(style: LogStyle) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(style))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of every form that is none
    for driver in ("aiobotocore", "azure", "botocore", "gcsfs", "s3fs"):  # what goes wrong there is told in our words
        logging.getLogger(driver).setLevel(logging.CRITICAL)


async def _serve(settings: Settings, style: LogStyle) -> None:
    stop = Stop()
    # Before the server is imported: the first process of a container hears no signal that it does not wait for.
    stop_on_signals(stop)
    from serving import server

    say: Callable[[str], object] = _echo if style is LogStyle.TEXT else log.info

    def on_started(started: "Started") -> None:
        _spare_the_garbage_collector()
        if style is LogStyle.TEXT:
            with suppress(OSError):  # a full disk, which costs these lines
                say_where_to_look(settings, started)
        else:
            log.info("HTTP is at port %d, gRPC at %d", started.http_port, started.grpc_port)

    known = failures()
    try:
        stopped = await server.serve(settings, on_started, stop)
    except tuple(known) as error:
        _say_why(style, str(error))
        raise typer.Exit(next(code for kind, code in known.items() if isinstance(error, kind))) from None
    if stopped.cut_off:
        say(f"Stopped; {stopped.cut_off} requests took longer than {settings.shutdown_timeout} s and were cut off.")
    else:
        say("Stopped; every accepted request was answered.")
    if stopped.still_running:
        say("A model is still running and can't be interrupted; the process ends without it.")
    with suppress(OSError):
        sys.stdout.flush()
    # The interpreter would wait for threads that models left behind, and nothing can interrupt a runtime.
    os._exit(ExitCode.STOPPED)


def _echo(words: str) -> None:
    """Where the disk takes it: what a full one costs is the line, and not how the server ended."""
    with suppress(OSError):
        typer.echo(words)


def _say_why(style: LogStyle, why: str) -> None:
    if style is LogStyle.TEXT:
        typer.secho(f"slipway serve: {why}", fg="red", err=True)
    else:
        log.error("the server did not start: %s", why)


def _spare_the_garbage_collector() -> None:
    """What the imports and models left lives as long as the server; looking at it again stalls every request."""
    gc.collect()
    gc.freeze()


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    try:
        import uvloop
    except ModuleNotFoundError:  # Windows
        return None
    return uvloop.Loop
