"""`slipway predict`: send one picture, text or document to a running server."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from serving.commands.request import DEFAULT_URL, ServerRefused, ServerUnreachable, fail, get, post
from serving.errors import InvalidInput
from serving.protocols import people_routes

_BAR = 30  # characters of a score of 1
_LONGEST = 200  # characters of what was given that an error repeats
_INPUT_IDS = "input_ids"  # of a model that reads texts
_WAYS = "name an image or a JSON file, or give JSON such as '[1, 2]', or - for standard input"


class _Unreadable(Exception):
    """The text says what was looked for, and what could be given."""


def predict(
    model: Annotated[str, typer.Argument(help="The model's name.")],
    data: Annotated[
        str, typer.Argument(help="An image, a recording, a text, a JSON file, JSON, or - for standard input.")
    ],
    top_k: Annotated[int, typer.Option(min=1, help="How many labels to show, best first.")] = 5,
    url: Annotated[str, typer.Option(envvar="SLIPWAY_URL", help="The server to ask.")] = DEFAULT_URL,
    as_json: Annotated[bool, typer.Option("--json", help="Print the server's reply as JSON, on one line.")] = False,
    timeout: Annotated[float, typer.Option(min=0.001, help="Seconds to wait for the answer.")] = 30.0,
) -> None:
    """Ask a running server for a prediction.

    [bold]Examples[/bold]

    [cyan]slipway predict digits-cnn docs/images/seven.png[/cyan]  a picture

    [cyan]slipway predict breast-cancer-mlp model_repository/breast-cancer-mlp/1/example.json --json[/cyan]  a document

    [cyan]slipway predict docs-classifier "Return the sine of x."[/cyan]  a text, or a file with one

    [cyan]slipway predict digits-cnn - < docs/images/seven.png[/cyan]  from standard input

    [cyan]slipway predict prices '[0.2, 1.5]'[/cyan]  numbers, for a model without labels

    [cyan]slipway predict simple '{"INPUT0": [[1, 2]], "INPUT1": [[3, 4]]}'[/cyan]  several inputs by name

    Files, texts, {"inputs": ...}, and a list where the model has labels go to /v1/models/MODEL/classify, or to
    .../detect, .../transcribe or .../recommend where the model finds objects, hears speech or recommends; a list for
    another model, and inputs by name, go to the tensor endpoint, /v2/models/MODEL/infer.
    """
    url = url.rstrip("/")
    try:
        path, body = _request(url, model, data, timeout)
        is_for_people = path.startswith("v1")
        reply = post(f"{url}/{path}{f'?top_k={top_k}' if is_for_people else ''}", body, timeout)
    except (_Unreadable, InvalidInput, ServerUnreachable, ServerRefused) as error:
        raise fail("predict", error) from None
    typer.echo(json.dumps(reply) if as_json or not is_for_people else _drawn(reply))


def _read(data: str) -> bytes | None:
    """None where it is neither JSON nor a file that there is."""
    if data == "-":
        return sys.stdin.buffer.read()
    if data.lstrip().startswith(("{", "[")):
        return data.encode()
    try:
        return Path(data).read_bytes() if Path(data).exists() else None
    except (OSError, ValueError) as error:
        raise _Unreadable(f"'{data}' can't be read: {getattr(error, 'strerror', None) or error}") from None


def _request(url: str, model: str, data: str, timeout: float) -> tuple[str, bytes]:
    """Where what was given goes, and in which form."""
    name = quote(model, safe="")
    infer = f"v2/models/{name}/infer"
    given = _read(data)
    document = None if given is None else _document(given)
    if given and _has_named_tensors(document):
        return infer, given
    if document is None or (isinstance(document, dict) and "inputs" in document):
        tensors = _tensors(url, name, timeout)
        body = _text(model, data, given) if document is None and _INPUT_IDS in tensors["inputs"] else given
        if body is None:
            raise _Unreadable(f"there is no file '{data[:_LONGEST]}' in {Path.cwd()}; {_WAYS}")
        return f"v1/models/{name}/{people_routes.route(tensors['outputs'])}", body
    from serving.commands.tensors import infer_request
    from serving.core.model_config import input_specs, parse_json

    config = parse_json(json.dumps(get(f"{url}/v2/models/{name}/config", timeout)), model)
    if isinstance(document, list) and any(output.label_filename for output in config.output):
        return f"v1/models/{name}/classify", json.dumps({"inputs": document}).encode()
    return infer, json.dumps(infer_request(document, input_specs(config))).encode()


def _tensors(url: str, name: str, timeout: float) -> dict[str, list[str]]:
    """Names of the model's inputs and outputs. None of a model that is not there: its route says best what is wrong."""
    try:
        metadata = get(f"{url}/v2/models/{name}", timeout)
    except ServerRefused:
        return {"inputs": [], "outputs": []}
    return {kind: [tensor["name"] for tensor in metadata[kind]] for kind in ("inputs", "outputs")}


def _text(model: str, data: str, given: bytes | None) -> bytes:
    try:
        text = data if given is None else given.decode().strip()
    except UnicodeDecodeError:
        raise _Unreadable(f"model '{model}' reads texts, and what was given is none in UTF-8") from None
    return json.dumps({"inputs": text}).encode()


def _document(body: bytes) -> Any:
    """None for what is no JSON list or object."""
    if body.lstrip()[:1] not in (b"{", b"["):
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _has_named_tensors(document: Any) -> bool:
    try:
        return "datatype" in document["inputs"][0]
    except (TypeError, LookupError):
        return False


def _drawn(reply: Any) -> str:
    """A bar for each label or item, and its box where it has one; or the text. Several examples one below the other."""
    if isinstance(reply, dict):
        return str(reply["text"])
    if reply and not (isinstance(reply[0], dict) and "score" in reply[0]):
        return "\n\n".join(_drawn(scores) for scores in reply)
    width = max((len(_name(row)) for row in reply), default=0)
    return "\n".join(
        f"{_name(row):>{width}}  {row['score']:7.2%}  {_box(row) or '█' * round(row['score'] * _BAR)}" for row in reply
    )


def _name(row: dict[str, Any]) -> str:
    return str(row["item"] if "item" in row else row["label"])


def _box(row: dict[str, Any]) -> str:
    """`x 13 to 62, y 165 to 235`."""
    box = row.get("box")
    return f"x {box['xmin']:.0f} to {box['xmax']:.0f}, y {box['ymin']:.0f} to {box['ymax']:.0f}" if box else ""
