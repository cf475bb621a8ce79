"""The Open Inference Protocol's infer request and response: a JSON header, and after it the binary tensors, if any.

Source: the protocol's REST specification, Triton's extension_binary_data.md and extension_shared_memory.md.
Rule: every member that is missing or of the wrong type is an `InvalidInput` that names it.
"""

from typing import Any

import numpy as np

from serving.core.brief import brief
from serving.core.datatypes import datatype_of
from serving.core.requests import InferRequest, InferResponse
from serving.errors import InvalidInput
from serving.protocols import json_tensor, json_text, parameters
from serving.protocols.outputs import OpenWindow, RequestedOutput, RequestedOutputs, check, decode_window
from serving.protocols.shapes import check_count, check_shape
from serving.protocols.v2_binary import decode_tensor, encode_tensor

_AS_JSON = RequestedOutput()
_AS_BINARY = RequestedOutput(is_binary=True)
_TYPE_NAMES = {str: "a string", list: "a list", dict: "an object", bool: "a boolean", int: "an integer"}


def decode_request(
    model_name: str, model_version: str, body: bytes | memoryview, header_length: int | None, open_window: OpenWindow
) -> tuple[InferRequest, RequestedOutputs]:
    """`header_length` is the value of `Inference-Header-Content-Length`; None means that all of `body` is JSON."""
    view = memoryview(body)
    end = len(body) if header_length is None else header_length
    document = json_text.loads(view[:end])
    if type(document) is not dict:
        raise InvalidInput("the request must be a JSON object with a member 'inputs'")
    known = parameters.read(_optional(document, "parameters", dict, {}))
    inputs = _required(document, "inputs", list, "the request")
    check_count("inputs", len(inputs))
    wanted = _optional(document, "outputs", list, [])
    check_count("outputs", len(wanted))
    outputs = [(_name(output, "outputs"), output) for output in wanted]
    request = InferRequest(
        model_name=model_name,
        model_version=model_version,
        id=_optional(document, "id", str, ""),
        inputs=_decode_inputs(inputs, view[end:], open_window),
        output_names=_unique("output", [name for name, _ in outputs]),
        timeout=known.timeout,
        priority=known.priority,
        sequence_id=known.sequence_id,
        sequence_start=known.sequence_start,
        sequence_end=known.sequence_end,
        parameters=known.custom,
    )
    listed = {name: _requested(name, output, open_window) for name, output in outputs}
    return request, RequestedOutputs(_AS_BINARY if known.binary_data_output else _AS_JSON, listed)


def encode_response(response: InferResponse, requested: RequestedOutputs) -> tuple[bytes, int | None]:
    """The body, and the length of its JSON header when binary tensors follow it (None when all of it is JSON)."""
    blobs: list[bytes | memoryview] = []
    outputs: list[dict[str, Any]] = []
    for name, array in response.outputs.items():
        wanted = requested.of(name)
        output: dict[str, Any] = {"name": name, "datatype": datatype_of(array.dtype), "shape": array.shape}
        if wanted.window is not None:  # it is there already
            pass
        elif wanted.is_binary:
            blobs.append(encode_tensor(array))
            output["parameters"] = {"binary_data_size": len(blobs[-1])}
        else:
            output["data"] = json_tensor.encode(name, array)
        outputs.append(output)
    document = {
        **({"id": response.id} if response.id else {}),
        "model_name": response.model_name,
        "model_version": response.model_version,
        "outputs": outputs,
    }
    header = json_text.dumps(document)
    return (b"".join([header, *blobs]), len(header)) if blobs else (header, None)


def _decode_inputs(inputs: list[Any], blobs: memoryview, open_window: OpenWindow) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    start = 0
    for tensor in inputs:
        name = _name(tensor, "inputs")
        if name in arrays:
            raise InvalidInput(f"input '{name}' already exists in request")
        datatype = _required(tensor, "datatype", str, f"input '{name}'")
        shape = _shape(tensor, name)
        source = _source(tensor, name)
        if source == "data":
            arrays[name] = json_tensor.decode(name, datatype, shape, tensor["data"])
        elif source == "shared_memory_region":
            region = _region(tensor["parameters"], f"input '{name}'")
            arrays[name] = decode_window(name, datatype, shape, region, open_window)
        else:
            size = _integer(tensor["parameters"], "binary_data_size", f"input '{name}'", "a number of bytes")
            arrays[name] = decode_tensor(name, datatype, shape, _blob(name, blobs, start, size))
            start += size
    if start < len(blobs):
        raise InvalidInput(f"unexpected additional input data: {len(blobs) - start} bytes after the last input's")
    return arrays


def _source(tensor: dict[str, Any], name: str) -> str:
    """Which of its three sources an input's data comes from."""
    found: list[str] = [
        source for source in ("binary_data_size", "shared_memory_region") if source in _parameters(tensor)
    ]
    if "data" in tensor:
        found.insert(0, "data")
    if len(found) != 1:
        raise InvalidInput(
            "Input must set only one of the following fields: 'data', 'binary_data_size' in 'parameters', "
            f"'shared_memory_region' in 'parameters'. But {_listed(found)} for input '{name}'"
        )
    return found[0]


def _listed(found: list[str]) -> str:
    return f"set {' '.join(repr(source) for source in found)}" if found else "no field is set"


def _blob(name: str, blobs: memoryview, start: int, size: int) -> memoryview:
    missing = size - (len(blobs) - start)
    if missing > 0:
        hint = "" if len(blobs) else "; nothing follows the JSON, whose length is in Inference-Header-Content-Length"
        raise InvalidInput(f"unexpected size for input '{name}', expecting {missing} additional bytes{hint}")
    return blobs[start : start + size]


def _requested(name: str, output: dict[str, Any], open_window: OpenWindow) -> RequestedOutput:
    given = _parameters(output)
    if not given:
        return _AS_JSON
    where = f"output '{name}'"
    count = _integer(given, "classification", where, "a number of classes of at least 1", least=1)
    region = _region(given, where) if "shared_memory_region" in given else None
    window = open_window(*region) if region else None
    return check(name, RequestedOutput(_optional(given, "binary_data", bool, False), count, window))


def _region(given: dict[str, Any], where: str) -> tuple[str, int, int]:
    """Name, offset and size of the shared memory that a tensor's parameters name."""
    name: str = _optional(given, "shared_memory_region", str, "")
    if "shared_memory_byte_size" not in given:
        raise InvalidInput(f"'shared_memory_byte_size' of {where} is missing, which 'shared_memory_region' needs")
    offset = _integer(given, "shared_memory_offset", where, "a number of bytes")
    return name, offset, _integer(given, "shared_memory_byte_size", where, "a number of bytes")


def _parameters(item: dict[str, Any]) -> dict[str, Any]:
    parameters: dict[str, Any] = _optional(item, "parameters", dict, {})
    return parameters


def _integer(document: dict[str, Any], member: str, where: str, unit: str, least: int = 0) -> int:
    """0 where the member is absent."""
    value = document.get(member, 0)
    if member in document and (type(value) is not int or not least <= value < 2**63):
        raise InvalidInput(f"'{member}' of {where} must be {unit}, got {brief(value)}")
    return value  # type: ignore[no-any-return]


def _shape(tensor: dict[str, Any], name: str) -> tuple[int, ...]:
    return check_shape(name, _required(tensor, "shape", list, f"input '{name}'"))


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
        raise InvalidInput(f"Unable to parse '{member}': expected {_TYPE_NAMES[kind]}, got {brief(value)}")
    return value
