"""A Triton request to a model that writes: text and options as tensors or parameters.

Source: the inputs of Triton's vLLM backend. Rule: an option is named as vLLM names it, and refused where it can't be
meant.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from serving.core.brief import brief
from serving.core.generation import DEFAULTED, SamplingParams
from serving.core.generation_config import EXCLUDE_INPUT, SAMPLING, STREAM, TEXT_INPUT
from serving.core.requests import InferRequest
from serving.errors import InvalidInput

_OWN = ("max_tokens", "stop", "stop_token_ids", "logit_bias", "grammar", "logprobs", "unsaid")
_KINDS = {int: "a whole number", float: "a number", bool: "true or false"}
_NUMBERS: dict[str, type] = {
    field.name: type(field.default) if field.default is not None else int
    for field in fields(SamplingParams)
    if field.name not in _OWN
} | {"max_tokens": int}


@dataclass(frozen=True, slots=True)
class TextAsked:
    """`exclude_input`: the answer does not begin with the text that was given."""

    text: str
    sampling: SamplingParams
    stream: bool = False
    exclude_input: bool = False


def read(request: InferRequest) -> TextAsked:
    """Raises `InvalidInput`."""
    options = {**request.parameters, **_options(request)}
    stream = _switch(request, options, STREAM, False)
    exclude = _switch(request, options, EXCLUDE_INPUT, stream)
    if stream and not exclude:
        raise InvalidInput(f"{EXCLUDE_INPUT} must be true with {STREAM}: what was given is no part of a stream")
    return TextAsked(_text(request, TEXT_INPUT), sampling_params(options), stream, exclude)


def sampling_params(options: Mapping[str, Any]) -> SamplingParams:
    """From vLLM's names; what is none of them is left to others. Raises `InvalidInput`."""
    given: dict[str, Any] = {
        name: _number(name, kind, options[name]) for name, kind in _NUMBERS.items() if name in options
    }
    if "stop" in options:
        given["stop"] = _texts("stop", options["stop"])
    if "stop_token_ids" in options:
        given["stop_token_ids"] = _ids("stop_token_ids", options["stop_token_ids"])
    return SamplingParams(**given, unsaid=frozenset(DEFAULTED) - options.keys())


def _options(request: InferRequest) -> Mapping[str, Any]:
    if SAMPLING not in request.inputs:
        return {}
    text = _text(request, SAMPLING)
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{SAMPLING} must be a JSON object: {error}") from None
    if not isinstance(found, dict):
        raise InvalidInput(f"{SAMPLING} must be a JSON object, got {brief(text)}")
    return found


def _text(request: InferRequest, name: str) -> str:
    value = _only(request, name)
    if isinstance(value, str):
        return value
    try:
        return bytes(value).decode()
    except (TypeError, UnicodeDecodeError):
        raise InvalidInput(f"{name} must be UTF-8 text, got {brief(value)}") from None


def _only(request: InferRequest, name: str) -> Any:
    array = request.inputs.get(name)
    if array is None or array.size != 1:
        came = "nothing" if array is None else f"{array.size} elements"
        raise InvalidInput(f"{name} must be one element, got {came}")
    return array.reshape(-1)[0]


def _switch(request: InferRequest, options: Mapping[str, Any], name: str, default: bool) -> bool:
    if name in request.inputs:
        return bool(np.asarray(_only(request, name)))
    value = options.get(name, default)
    if not isinstance(value, bool):
        raise InvalidInput(f"{name} must be true or false, got {brief(value)}")
    return value


def _number(name: str, kind: type, value: Any) -> Any:
    """vLLM's Triton backend takes numbers as texts too."""
    wanted = bool if kind is bool else (int, float, str)
    if not isinstance(value, wanted) or (kind is not bool and isinstance(value, bool)):
        raise _refused(name, kind, value)
    try:
        found = kind(value)
    except (ValueError, OverflowError):
        raise _refused(name, kind, value) from None
    if isinstance(value, float) and found != value and value == value:  # a whole number was wanted
        raise _refused(name, kind, value)
    return found


def _refused(name: str, kind: type, value: Any) -> InvalidInput:
    return InvalidInput(f"{name} must be {_KINDS[kind]}, got {brief(value)}", name)


def _texts(name: str, value: Any) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise InvalidInput(f"{name} must be a text or a list of texts, got {brief(value)}")
    return tuple(found)


def _ids(name: str, value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(each) is int for each in value):
        raise InvalidInput(f"{name} must be a list of token ids, got {brief(value)}")
    return tuple(value)
