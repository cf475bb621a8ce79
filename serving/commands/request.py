"""One HTTP request from the shell to a server, with errors that a person can act on."""

import json
import os
from typing import Any

import typer
import urllib3
from urllib3 import exceptions

DEFAULT_URL = "http://localhost:8000"


class ServerUnreachable(Exception):
    pass


class ServerRefused(Exception):
    """The server answered with an error; the text is its own."""


def get(url: str, timeout: float) -> Any:
    return _ask("GET", url, b"", timeout)


def post(url: str, body: bytes, timeout: float, start: str = "slipway serve") -> Any:
    """The JSON reply. `timeout` in seconds; `start` is the command that starts the server that may be meant."""
    return _ask("POST", url, body, timeout, start)


def fail(command: str, error: Exception) -> typer.Exit:
    typer.secho(f"slipway {command}: {error}", fg="red", err=True)
    return typer.Exit(1)


def _ask(method: str, url: str, body: bytes, timeout: float, start: str = "slipway serve") -> Any:
    if not url.startswith(("http://", "https://")):
        raise ServerUnreachable(f"'{url}' is no address of a server; it should start with http://")
    try:
        reply = urllib3.request(method, url, body=body, headers=_shown(), timeout=timeout, retries=False)
    except exceptions.ReadTimeoutError:
        raise ServerUnreachable(f"{url} did not answer within {timeout:g} s") from None
    except exceptions.HTTPError as error:
        raise ServerUnreachable(f"no server answers at {url} ({_words(error)}); is `{start}` running?") from None
    document = _parse(reply.data)
    if reply.status != 200:
        message = document.get("error") if isinstance(document, dict) else None
        raise ServerRefused(
            f"the server answered {reply.status}: {message or reply.data[:200].decode(errors='replace')}"
        )
    if document is None:
        raise ServerRefused(f"{url} answered something that is not JSON; is it a Slipway server?")
    return document


def _shown() -> dict[str, str]:
    """The key that the server may want: no option, which others could see."""
    key = os.environ.get("SLIPWAY_API_KEY", "").split()
    return {"Authorization": f"Bearer {key[0]}"} if key else {}


def _words(error: exceptions.HTTPError) -> str:
    match error:
        case exceptions.LocationValueError():
            return "that is no address"
        case exceptions.NameResolutionError():
            return "no host of that name is known"
        case exceptions.NewConnectionError():
            return (getattr(error.__cause__, "strerror", None) or "no connection").lower()
        case exceptions.ConnectTimeoutError():
            return "no connection in time"
        case exceptions.SSLError():
            return "no HTTPS there, or a certificate that is not trusted"
        case exceptions.ProtocolError():
            return "the connection was closed without an answer"
        case _:
            return type(error).__name__


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
