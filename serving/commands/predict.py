"""`slipway predict`: send one picture or document to a running server."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from serving.commands.request import DEFAULT_URL, ServerRefused, ServerUnreachable, fail, post

_BAR = 30  # characters of a score of 1


def predict(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    data: Annotated[str, typer.Argument(help="An image file, a JSON file, a JSON text, or - for standard input.")],
    top_k: Annotated[int, typer.Option(min=1, help="How many labels to show, best first.")] = 5,
    url: Annotated[str, typer.Option(envvar="SLIPWAY_URL", help="The server to ask.")] = DEFAULT_URL,
    as_json: Annotated[bool, typer.Option("--json", help="Print the server's reply as JSON, on one line.")] = False,
    timeout: Annotated[float, typer.Option(min=0.001, help="Seconds to wait for the answer.")] = 30.0,
) -> None:
    """Ask a running server for a prediction.

    [bold]Examples[/bold]

    [cyan]slipway predict digits-cnn docs/images/seven.png[/cyan]  a picture

    [cyan]slipway predict breast-cancer-mlp model_repository/breast-cancer-mlp/1/example.json --json[/cyan]  a document

    [cyan]slipway predict digits-cnn - < docs/images/seven.png[/cyan]  from standard input

    A document whose inputs are named tensors goes to the tensor endpoint, /v2/models/MODEL/infer; anything else to
    /v1/models/MODEL/classify.
    """
    model, url = quote(model, safe=""), url.rstrip("/")
    try:
        body = _read(data)
        if _has_named_tensors(body):
            reply = post(f"{url}/v2/models/{model}/infer", body, timeout)
            as_json = True
        else:
            reply = post(f"{url}/v1/models/{model}/classify?top_k={top_k}", body, timeout)
    except (OSError, ServerUnreachable, ServerRefused) as error:
        raise fail("predict", error) from None
    typer.echo(json.dumps(reply) if as_json else _drawn(reply))


def _read(data: str) -> bytes:
    if data == "-":
        return sys.stdin.buffer.read()
    return data.encode() if data.lstrip().startswith(("{", "[")) else Path(data).read_bytes()


def _has_named_tensors(body: bytes) -> bool:
    try:
        return "datatype" in json.loads(body)["inputs"][0]
    except (ValueError, TypeError, LookupError, RecursionError):
        return False


def _drawn(reply: list[Any]) -> str:
    """A bar for each label; several examples one below the other."""
    if reply and isinstance(reply[0], list):
        return "\n\n".join(_drawn(scores) for scores in reply)
    width = max((len(row["label"]) for row in reply), default=0)
    return "\n".join(
        f"{row['label']:>{width}}  {row['score']:7.2%}  {'█' * round(row['score'] * _BAR)}" for row in reply
    )
