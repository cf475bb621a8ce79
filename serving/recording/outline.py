"""What a body asks for, without what it says: enough for a load test to make one like it.

Rule: of what a person wrote only its length is told.
"""

from collections.abc import Mapping
from typing import Any

import orjson

LARGEST = 256 * 1024
"""Bytes of JSON that are worth a look; more would keep the interpreter from those who wait for an answer."""

_SETTINGS = (
    "ignore_eos",
    "max_completion_tokens",
    "max_tokens",
    "min_tokens",
    "n",
    "stream",
    "temperature",
    "top_k",
    "top_p",
)

Outline = dict[str, Any]


def of_json(text: bytes, is_infer: bool) -> tuple[str, str, Outline]:
    """The request's id and its model, "" where it has none, and its outline. `is_infer` is said of Triton's tensors."""
    document = _document(text)
    if is_infer:
        return _text(document.get("id")), "", _only_told(tensors=_tensors(document.get("inputs")))
    settings = {name: document[name] for name in _SETTINGS if type(document.get(name)) in (bool, int, float)}
    return "", _text(document.get("model")), _only_told(settings=settings, characters=_characters(document))


def of_message(message: Any) -> Outline:
    """Of a ModelInferRequest."""
    return _only_told(tensors=[_tensor(each.name, each.datatype, list(each.shape)) for each in message.inputs])


def _document(text: bytes) -> Mapping[str, Any]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return document if type(document) is dict else {}


def _tensors(inputs: Any) -> list[Outline]:
    """Those that are well said; what the server refused may be anything."""
    listed = [each for each in inputs if type(each) is dict] if type(inputs) is list else []
    return [
        _tensor(each["name"], each["datatype"], each["shape"])
        for each in listed
        if type(each.get("name")) is str and type(each.get("datatype")) is str and _is_shape(each.get("shape"))
    ]


def _tensor(name: str, datatype: str, shape: list[int]) -> Outline:
    return {"name": name, "datatype": datatype, "shape": shape}


def _is_shape(shape: Any) -> bool:
    return type(shape) is list and all(type(size) is int for size in shape)


def _characters(value: Any) -> int:
    """In all texts, but for the name of the model."""
    if type(value) is str:
        return len(value)
    if type(value) is list:
        return sum(map(_characters, value))
    if type(value) is dict:
        return sum(_characters(each) for name, each in value.items() if name not in ("model", "role", "type"))
    return 0


def _text(value: Any) -> str:
    return value if type(value) is str else ""


def _only_told(**members: Any) -> Outline:
    return {name: value for name, value in members.items() if value}
