"""The Open Inference Protocol's infer request and response: a JSON header, and after it the binary tensors, if any.

Source: the protocol's REST specification and Triton's extension_binary_data.md.
Rule: every member that is missing or of the wrong type is an `InvalidInput` that names it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from serving.core.datatypes import datatype_of
from serving.core.requests import InferRequest, InferResponse
from serving.errors import InvalidInput, Unsupported
from serving.protocols import json_tensor, json_text
from serving.protocols.v2_binary import decode_tensor, encode_tensor

MAX_DIMENSIONS = 64  # numpy's own limit
MAX_ELEMENTS = 2**40  # more than any body holds, far less than what overflows an array's strides
_TYPE_NAMES = {str: "a string", list: "a list", dict: "an object", bool: "a boolean", int: "an integer"}


@dataclass(frozen=True, slots=True)
class OutputEncoding:
    """Which outputs the caller wants as binary data; `default` is for those it did not list."""

    default: bool = False
    listed: Mapping[str, bool] = field(default_factory=dict)

    def is_binary(self, name: str) -> bool:
        return self.listed.get(name, self.default)


def decode_request(
    model_name: str, model_version: str, body: bytes, header_length: int | None
) -> tuple[InferRequest, OutputEncoding]:
    """`header_length` is the value of `Inference-Header-Content-Length`; None means that all of `body` is JSON."""
    view = memoryview(body)
    end = len(body) if header_length is None else header_length
    document = json_text.loads(view[:end])
    if type(document) is not dict:
        raise InvalidInput("the request must be a JSON object with a member 'inputs'")
    parameters = _optional(document, "parameters", dict, {})
    for name in ("sequence_id", "sequence_start", "sequence_end"):
        if name in parameters:
            raise Unsupported(f"parameter '{name}': sequences are not supported")
    outputs = [(_name(output, "outputs"), output) for output in _optional(document, "outputs", list, [])]
    encoding = OutputEncoding(
        _optional(parameters, "binary_data_output", bool, False),
        {name: _optional(_output_parameters(output), "binary_data", bool, False) for name, output in outputs},
    )
    request = InferRequest(
        model_name=model_name,
        model_version=model_version,
        id=_optional(document, "id", str, ""),
        inputs=_decode_inputs(_required(document, "inputs", list, "the request"), view[end:]),
        output_names=_unique("output", [name for name, _ in outputs]),
        timeout=_timeout(parameters),
    )
    return request, encoding


def encode_response(response: InferResponse, encoding: OutputEncoding) -> tuple[bytes, int | None]:
    """The body, and the length of its JSON header when binary tensors follow it (None when all of it is JSON)."""
    blobs: list[bytes | memoryview] = []
    outputs: list[dict[str, Any]] = []
    finite = True
    for name, array in response.outputs.items():
        output: dict[str, Any] = {"name": name, "datatype": datatype_of(array.dtype), "shape": array.shape}
        if encoding.is_binary(name):
            blobs.append(encode_tensor(array))
            output["parameters"] = {"binary_data_size": len(blobs[-1])}
        else:
            output["data"] = json_tensor.encode(name, array)
            finite = finite and (array.dtype.kind != "f" or bool(np.isfinite(array).all()))
        outputs.append(output)
    document = {
        **({"id": response.id} if response.id else {}),
        "model_name": response.model_name,
        "model_version": response.model_version,
        "outputs": outputs,
    }
    header = json_text.dumps(document) if finite else json_text.dumps_not_finite(document)
    return (b"".join([header, *blobs]), len(header)) if blobs else (header, None)


def _decode_inputs(inputs: list[Any], blobs: memoryview) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    start = 0
    for tensor in inputs:
        name = _name(tensor, "inputs")
        if name in arrays:
            raise InvalidInput(f"input '{name}' already exists in request")
        datatype = _required(tensor, "datatype", str, f"input '{name}'")
        shape = _shape(tensor, name)
        size = _binary_size(tensor, name)
        if size is None:
            arrays[name] = json_tensor.decode(name, datatype, shape, tensor["data"])
        elif size > len(blobs) - start:
            missing = size - (len(blobs) - start)
            raise InvalidInput(f"unexpected size for input '{name}', expecting {missing} additional bytes")
        else:
            arrays[name] = decode_tensor(name, datatype, shape, blobs[start : start + size])
            start += size
    if start < len(blobs):
        raise InvalidInput(f"unexpected additional input data: {len(blobs) - start} bytes after the last input's")
    return arrays


def _binary_size(tensor: dict[str, Any], name: str) -> int | None:
    """None when the input's data is in the JSON."""
    parameters = _optional(tensor, "parameters", dict, {})
    if "shared_memory_region" in parameters:
        raise Unsupported(f"input '{name}': shared memory is not supported")
    if ("data" in tensor) == ("binary_data_size" in parameters):
        found = "both are set" if "data" in tensor else "no field is set"
        raise InvalidInput(
            "Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters'. "
            f"But for input '{name}' {found}"
        )
    if "data" in tensor:
        return None
    size = parameters["binary_data_size"]
    if type(size) is not int or size < 0:
        raise InvalidInput(f"'binary_data_size' of input '{name}' must be a number of bytes, got {size!r}")
    return size


def _shape(tensor: dict[str, Any], name: str) -> tuple[int, ...]:
    shape = _required(tensor, "shape", list, f"input '{name}'")
    if len(shape) > MAX_DIMENSIONS or any(type(dim) is not int or dim < 0 for dim in shape):
        raise InvalidInput(
            f"Unable to parse 'shape' of input '{name}': expected at most {MAX_DIMENSIONS} integers >= 0, "
            f"got {str(shape)[:100]}"
        )
    if math.prod(max(dim, 1) for dim in shape) > MAX_ELEMENTS:
        raise InvalidInput(f"Unable to parse 'shape' of input '{name}': {str(shape)[:100]} is too large")
    return tuple(shape)


def _output_parameters(output: dict[str, Any]) -> dict[str, Any]:
    parameters: dict[str, Any] = _optional(output, "parameters", dict, {})
    for name, words in (("classification", "classification"), ("shared_memory_region", "shared memory")):
        if name in parameters:
            raise Unsupported(f"output '{output['name']}': {words} is not supported")
    return parameters


def _timeout(parameters: dict[str, Any]) -> float:
    """Triton's `timeout`, in microseconds, as seconds."""
    timeout = parameters.get("timeout", 0)
    if type(timeout) is not int or not 0 <= timeout < 2**63:
        raise InvalidInput(f"Unable to parse 'timeout': expected microseconds, 0 to 2^63 - 1, got {str(timeout)[:50]}")
    return timeout * 1e-6


def _name(item: Any, member: str) -> str:
    if type(item) is not dict:
        raise InvalidInput(f"Unable to parse '{member}': expected a list of objects")
    name: str = _required(item, "name", str, f"an item of '{member}'")
    return name


def _unique(kind: str, names: list[str]) -> tuple[str, ...]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidInput(f"{kind} '{name}' already exists in request")
        seen.add(name)
    return tuple(names)


def _required(document: dict[str, Any], member: str, kind: type, where: str) -> Any:
    if member not in document:
        raise InvalidInput(f"Unable to parse '{member}': {where} has no member '{member}'")
    return _optional(document, member, kind, None)


def _optional(document: dict[str, Any], member: str, kind: type, default: Any) -> Any:
    value = document.get(member, default)
    if member in document and type(value) is not kind:
        raise InvalidInput(f"Unable to parse '{member}': expected {_TYPE_NAMES[kind]}, got {str(value)[:100]!r}")
    return value
