"""Triton's generate extension: one flat JSON object whose members are the model's inputs, or else parameters.

Source: Triton's extension_generate.md and http_server.cc (ConvertGenerateRequest).
Rule: the text is read pair by pair in its own order, because a member that comes twice is an error here.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from serving.core.brief import brief
from serving.core.requests import InferRequest, InferResponse, Parameter, TensorSpec
from serving.errors import InvalidInput
from serving.protocols import json_tensor, json_text, parameters
from serving.protocols.shapes import filled

_NESTED = "parameters"
_PREFIX = "failed to parse the request JSON buffer"
_SCALARS = (bool, int, float, str)


@dataclass(frozen=True, slots=True)
class _Members:
    """What was found so far, in the request and in its `parameters`."""

    inputs: dict[str, np.ndarray] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)


def decode_request(model_name: str, model_version: str, body: bytes, inputs: Sequence[TensorSpec]) -> InferRequest:
    """The shapes of `inputs` include the batch dimension, -1, of a model that batches.

    Every member that is no input's name is a parameter; so is `id`, which is also the request's id.
    """
    specs = {spec.name: spec for spec in inputs}
    document = _loads(body, specs)
    if type(document) is not dict:
        raise InvalidInput("the request must be a JSON object with the model's inputs and parameters as members")
    members = _Members()
    for key, value in document.items():
        if key == _NESTED:
            _read_nested(members, specs, value)
        else:
            _read(members, specs, key, value)
    known = parameters.read(members.parameters)
    return InferRequest(
        model_name=model_name,
        model_version=model_version,
        id=_id(document, specs),
        inputs=members.inputs,
        timeout=known.timeout,
        priority=known.priority,
        sequence_id=known.sequence_id,
        sequence_start=known.sequence_start,
        sequence_end=known.sequence_end,
        parameters=known.custom,
    )


def encode_response(response: InferResponse) -> bytes:
    """A JSON object: an output of one element as that element, others as flat lists, keys in alphabetical order.

    Raises `InvalidInput` for what JSON can't hold.
    """
    members = {
        **({"id": response.id} if response.id else {}),
        "model_name": response.model_name,
        "model_version": response.model_version,
        **{name: _value(name, array) for name, array in response.outputs.items()},
    }
    return json_text.dumps(dict(sorted(members.items())))


def _value(name: str, array: np.ndarray) -> Any:
    if array.size == 1 and array.dtype.kind == "f" and not np.isfinite(array).all():
        return json_text.literal(array.flat[0])
    elements = json_tensor.encode(name, array)
    return elements[0] if array.size == 1 else elements


def _loads(body: bytes, specs: Mapping[str, TensorSpec]) -> Any:
    try:
        document = json.loads(body.decode("utf-8-sig"), object_pairs_hook=partial(_unique, specs))
        if b"\\u" in body:
            json.dumps(document, ensure_ascii=False).encode()  # halves of surrogate pairs are no text
    except RecursionError:
        raise InvalidInput(f"{_PREFIX}: it is nested too deeply") from None
    except ValueError as error:  # also text that is not UTF-8, and integers of thousands of digits
        raise InvalidInput(f"{_PREFIX}: {error}") from None
    return document


def _unique(specs: Mapping[str, TensorSpec], pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _twice(key, specs)
            seen.add(key)
    return unique


def _read_nested(members: _Members, specs: Mapping[str, TensorSpec], value: Any) -> None:
    if _NESTED in specs:
        raise InvalidInput(f"Keyword '{_NESTED}' for nested schema also given as input tensor name")
    if type(value) is not dict:
        raise InvalidInput(f"Expected JSON object for keyword: '{_NESTED}': got {brief(value)}")
    try:
        for key, item in value.items():
            _read(members, specs, key, item)
    except InvalidInput as error:
        raise InvalidInput(f"Converting keyword: '{_NESTED}': {error}") from None


def _read(members: _Members, specs: Mapping[str, TensorSpec], key: str, value: Any) -> None:
    if key in members.inputs or key in members.parameters:
        raise _twice(key, specs)
    if key in specs:
        members.inputs[key] = _tensor(specs[key], value)
    else:
        members.parameters[key] = _parameter(key, value)


def _tensor(spec: TensorSpec, value: Any) -> np.ndarray:
    elements = value if type(value) is list else [value]
    if list in map(type, elements):
        raise InvalidInput(f"Unable to parse input '{spec.name}': expected one element or a flat list of them")
    return json_tensor.decode(spec.name, spec.datatype, _shape(spec, len(elements)), elements)


def _shape(spec: TensorSpec, count: int) -> tuple[int, ...]:
    shape = filled(spec, count)
    if shape is None:
        raise InvalidInput(
            f"The schema can not convert input '{spec.name}' to tensor with proper shape: "
            f"{spec} does not hold {count} elements"
        )
    return shape


def _parameter(name: str, value: Any) -> Parameter:
    if not isinstance(value, _SCALARS):
        raise InvalidInput(
            f"parameter '{name}' has invalid type. It should be either 'int', 'bool', or 'string'. Got {brief(value)}"
        )
    if type(value) is int and not -(2**63) <= value < 2**64:
        raise InvalidInput(f"parameter '{name}' is an integer of more than 64 bits")
    return value


def _id(document: Mapping[str, Any], specs: Mapping[str, TensorSpec]) -> str:
    value = document.get("id", "") if "id" not in specs else ""
    if type(value) is not str:
        raise InvalidInput(f"Unable to parse 'id': expected a string, got {brief(value)}")
    return value


def _twice(key: str, specs: Mapping[str, TensorSpec]) -> InvalidInput:
    return InvalidInput(f"{'input' if key in specs else 'parameter'} '{key}' already exists in request")
