"""One HTTP request from the shell to a server, with errors that a person can act on."""

import json
from typing import Any

import typer
import urllib3

DEFAULT_URL = "http://localhost:8000"


class ServerUnreachable(Exception):
    pass


class ServerRefused(Exception):
    """The server answered with an error; the text is its own."""


def post(url: str, body: bytes, timeout: float) -> Any:
    """The JSON reply. `timeout` in seconds."""
    if not url.startswith(("http://", "https://")):
        raise ServerUnreachable(f"'{url}' is no address of a server; it should start with http://")
    try:
        reply = urllib3.request("POST", url, body=body, timeout=timeout, retries=False)
    except urllib3.exceptions.HTTPError as error:
        raise ServerUnreachable(
            f"no server answers at {url} ({type(error).__name__}); is `slipway serve` running?"
        ) from None
    document = _parse(reply.data)
    if reply.status != 200:
        message = document.get("error") if isinstance(document, dict) else None
        raise ServerRefused(
            f"the server answered {reply.status}: {message or reply.data[:200].decode(errors='replace')}"
        )
    if document is None:
        raise ServerRefused(f"{url} answered something that is not JSON; is it a Slipway server?")
    return document


def fail(command: str, error: Exception) -> typer.Exit:
    typer.secho(f"slipway {command}: {error}", fg="red", err=True)
    return typer.Exit(1)


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
