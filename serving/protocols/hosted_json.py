"""What the routes for people have in common: `{"inputs": ..., "parameters": {...}}`, as hosted inference APIs take it.

Rule: what is wrong is said with the member's name, and before anything is decoded; a parameter that a route does not
have is refused, one that is null is as good as absent.
"""

import base64
import binascii
from collections.abc import Collection, Iterable
from typing import Any

from serving.core.brief import brief
from serving.core.did_you_mean import nearest
from serving.errors import InvalidInput
from serving.protocols import json_text

TOP_K = "top_k"

_ALIKE = 0.7  # of 1: tok_k and topk are top_k, token is not
_BEFORE_JSON = b"\xef\xbb\xbf \t\r\n"  # a byte order mark and white space


def is_json(body: bytes, what: str) -> bool:
    """Or else it is a file: `what`, such as "an image". Raises `InvalidInput` where there is nothing."""
    if not body:
        raise InvalidInput(f'the body is empty; send {what}, or JSON such as {{"inputs": ...}}')
    return body.lstrip(_BEFORE_JSON)[:1] in (b"{", b"[")


def decode(body: bytes, expected: str, known: Collection[str]) -> tuple[Any, dict[str, Any]]:
    """`inputs`, of which `expected` says what they should be, and `parameters`, which are among the `known`.

    Members beside them, such as the `options` of older clients, are passed over, unless they look like what is known.
    """
    document = json_text.loads(body)
    if type(document) is not dict or "inputs" not in document:
        raise InvalidInput(f"the JSON body must be an object with a member 'inputs': {expected}")
    parameters = {} if document.get("parameters") is None else document["parameters"]
    if type(parameters) is not dict:
        raise InvalidInput("'parameters' must be an object")
    _check_beside(document.keys() - {"inputs", "parameters"}, known)
    given = {name: value for name, value in parameters.items() if value is not None}
    check_names(given, known)
    return document["inputs"], given


def check_names(given: Iterable[str], known: Collection[str]) -> None:
    """Of parameters, all of which are meant for the route."""
    for name in given:
        if name not in known:
            raise _unknown(name, known, nearest(name, known))


def check_spelling(given: Iterable[str], known: Collection[str]) -> None:
    """Of what may be meant for somebody else on the way, too: refused only where it looks like what is known."""
    for name in sorted(given):
        if name not in known and (meant := nearest(name, known, _ALIKE)):
            raise _unknown(name, known, meant)


def file(text: str, what: str) -> bytes:
    """From plain base64, or a data URL as browsers make them."""
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(f"'inputs' is a text, so it should be {what} in base64, but it is not base64") from None


def check_count(count: int, model_name: str, max_batch_size: int, what: str = "examples") -> None:
    """Before anything is decoded: a hundred pictures take seconds."""
    limit = max_batch_size or 1
    if not 1 <= count <= limit:
        raise InvalidInput(f"model '{model_name}' takes 1 to {limit} {what} at a time, got {count}")


def top_k(value: Any, default: int) -> int:
    """`default` where none was said."""
    if value is None:
        return default
    if type(value) is not int or value < 1:
        raise InvalidInput(f"'top_k' must be an integer >= 1, got {brief(value)}")
    return value


def _check_beside(names: Collection[str], known: Collection[str]) -> None:
    for name in known:
        if name in names:
            raise InvalidInput(f"'{name}' must be a member of 'parameters', not beside it")
    check_spelling(names, ["parameters", *known])


def _unknown(name: str, known: Collection[str], meant: str) -> InvalidInput:
    hint = f"; did you mean '{meant}'?" if meant else ";"
    return InvalidInput(f"unknown parameter {brief(name)}{hint} known: {', '.join(known) or 'none'}")
