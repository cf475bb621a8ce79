"""Tensors in each of their codecs. Rule: what is refused is an `InvalidInput`; what is taken is right by Python's own
whole numbers, and comes back from the wire as it went.
"""

import json
import struct
from contextlib import suppress
from math import prod
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError
from tritonclient.grpc.service_pb2 import ModelInferRequest

from serving.core.datatypes import DTYPES, datatype_of
from serving.core.requests import Arrays, InferResponse, TensorSpec
from serving.errors import InvalidInput, RegionNotFound
from serving.protocols import generate, v2_json, v2_proto, v2_raw
from serving.protocols.known_headers import layout
from serving.protocols.outputs import RequestedOutput, RequestedOutputs, Window
from serving.protocols.shapes import MAX_ELEMENTS, check_shape
from serving.protocols.v2_binary import decode_tensor, encode_tensor

DATATYPES = sorted(DTYPES)
_BINARY, _JSON = RequestedOutputs(RequestedOutput(is_binary=True)), RequestedOutputs(RequestedOutput())
_SPECS = (
    TensorSpec("text", "BYTES", (-1, 1)),
    TensorSpec("x", "FP32", (-1, 4)),
    TensorSpec("n", "INT64", (-1, -1)),
    TensorSpec("flag", "BOOL", (1,)),
)


def v2_json_body(data: bytes) -> None:
    """Two bytes of header length, and the body; all ones: none is told."""
    told, body = int.from_bytes(data[:2], "little"), data[2:]
    header_length = None if told == 0xFFFF else min(told, len(body))
    try:
        request, requested = v2_json.decode_request("m", "1", body, header_length, _no_region)
    except InvalidInput:
        return
    _check_arrays(request.inputs)
    document = json.loads(body[:header_length].removeprefix(b"\xef\xbb\xbf"))
    for tensor in document["inputs"]:
        assert list(request.inputs[tensor["name"]].shape) == tensor["shape"]
    if header_length is not None and (known := layout(request, requested, header_length, len(body))):
        assert _same(known.read(body), request.inputs)
    _goes_round_as_json(request.inputs)
    _goes_round_as_proto(request.inputs)


def v2_binary_tensor(data: bytes) -> None:
    """A byte for the datatype, one for the number of dimensions, eight for each, and the tensor."""
    if len(data) < 2:
        return
    datatype, rank = DATATYPES[data[0] % len(DATATYPES)], data[1] % 6
    end = 2 + 8 * rank
    if len(data) < end:
        return
    dims, wire = struct.unpack_from(f"<{rank}q", data, 2), data[end:]
    try:
        shape = check_shape("x", dims)
    except InvalidInput:
        assert min(dims) < 0 or prod(max(dim, 1) for dim in dims) > MAX_ELEMENTS
        return
    try:
        array = decode_tensor("x", datatype, shape, memoryview(wire))
    except InvalidInput:
        assert not _holds(datatype, prod(shape), wire)
        return
    assert _holds(datatype, prod(shape), wire)
    assert (array.shape, array.size) == (shape, prod(shape))
    if datatype != "BOOL":
        assert bytes(encode_tensor(array)) == wire


def v2_proto_message(data: bytes) -> None:
    try:
        message = ModelInferRequest.FromString(data)
    except DecodeError:
        return
    try:
        request, _ = v2_proto.decode_request(message, _no_region)
    except InvalidInput:
        return
    _check_arrays(request.inputs)
    for tensor in message.inputs:
        assert request.inputs[tensor.name].shape == tuple(tensor.shape)
    _goes_round_as_proto(request.inputs)
    _goes_round_as_json(request.inputs)


def v2_raw_body(data: bytes) -> None:
    """A byte for what the model takes, and the body."""
    if not data:
        return
    spec, body = _SPECS[data[0] % len(_SPECS)], data[1:]
    with suppress(InvalidInput):
        request, _ = v2_raw.decode_request("m", "1", body, [spec], has_batch=spec.name != "flag")
        [array] = request.inputs.values()
        assert len(bytes(encode_tensor(array))) == len(body) + (4 if spec.datatype == "BYTES" else 0)


def generate_body(data: bytes) -> None:
    with suppress(InvalidInput):
        request = generate.decode_request("m", "1", data, _SPECS)
        _check_arrays(request.inputs)
        json.loads(generate.encode_response(InferResponse("m", "1", request.inputs, request.id)))


def _no_region(name: str, *_: int) -> Window:
    raise RegionNotFound(f"Unable to find shared memory region: '{name}'")


def _holds(datatype: str, count: int, wire: bytes) -> bool:
    """Whether the wire has exactly so many elements, by a walk that is not the server's."""
    if datatype != "BYTES":
        return len(wire) == count * DTYPES[datatype].itemsize
    found, at = 0, 0
    while at < len(wire):
        at += 4 + int.from_bytes(wire[at : at + 4], "little") if at + 4 <= len(wire) else len(wire) + 1
        found += 1
    return (found, at) == (count, len(wire))


def _check_arrays(arrays: Arrays) -> None:
    for array in arrays.values():
        assert array.size == prod(map(int, array.shape)) <= MAX_ELEMENTS
        if array.dtype == object:
            assert all(type(element) is bytes for element in array.flat)


def _goes_round_as_json(arrays: Arrays) -> None:
    for requested in (_BINARY, _JSON):
        try:
            body, length = v2_json.encode_response(InferResponse("m", "1", arrays), requested)
        except InvalidInput:  # half floats, and bytes that are no text, go as binary data only
            assert requested is _JSON
            continue
        document = json.loads(body[:length])
        asked = json.dumps({"inputs": [_as_input(each) for each in document["outputs"]]}).encode()
        blobs = b"" if length is None else body[length:]
        back, _ = v2_json.decode_request("m", "1", asked + blobs, len(asked), _no_region)
        assert _same(back.inputs, arrays)


def _as_input(output: dict[str, Any]) -> dict[str, Any]:
    return output if "data" in output or output.get("parameters") else {**output, "data": []}


def _goes_round_as_proto(arrays: Arrays) -> None:
    message = v2_proto.encode_response(InferResponse("m", "1", arrays), _BINARY)
    asked = ModelInferRequest(model_name="m", raw_input_contents=message.raw_output_contents)
    for output in message.outputs:
        asked.inputs.add(name=output.name, datatype=output.datatype, shape=output.shape)
    back, _ = v2_proto.decode_request(ModelInferRequest.FromString(asked.SerializeToString()), _no_region)
    assert _same(back.inputs, arrays)


def _same(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(_alike(one[name], other[name]) for name in one)


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    if (one.shape, datatype_of(one.dtype)) != (other.shape, datatype_of(other.dtype)):
        return False
    if one.dtype == object:
        return bool(one.tolist() == other.tolist())
    if one.dtype.kind == "f":  # JSON knows one NaN
        return np.array_equal(one, other, equal_nan=True)
    return one.tobytes() == other.tobytes()
