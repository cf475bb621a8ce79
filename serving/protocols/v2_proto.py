"""The Open Inference Protocol's infer request and response as gRPC messages, in Triton's dialect.

Source: Triton's grpc_service.proto and grpc/infer_handler.cc, whose words its clients' tests look for.
Rule: numbers are not looked at one by one; raw contents are views into the message's own bytes.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from tritonclient.grpc.service_pb2 import InferParameter, ModelInferRequest, ModelInferResponse

from serving.core.datatypes import datatype_of, dtype_of, integer_range
from serving.core.requests import InferRequest, InferResponse, format_shape
from serving.core.versions import is_version
from serving.errors import InvalidInput
from serving.protocols import parameters
from serving.protocols.outputs import OpenWindow, RequestedOutput, RequestedOutputs, check, decode_window
from serving.protocols.shapes import check_count, check_shape
from serving.protocols.v2_binary import decode_tensor, encode_tensor

_Tensor: TypeAlias = ModelInferRequest.InferInputTensor

# Which member of a tensor's `contents` holds a datatype; the others, half floats, have none.
_CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
_WIDEST = {member: datatype for datatype, member in _CONTENTS.items()}  # the last of each, and Triton's name for it
_NARROW = {"INT8", "INT16", "UINT8", "UINT16"}


def decode_request(message: ModelInferRequest, open_window: OpenWindow) -> tuple[InferRequest, RequestedOutputs]:
    """Raises `InvalidInput` naming what is wrong, and whatever `open_window` raises."""
    check_count("inputs", len(message.inputs))
    check_count("outputs", len(message.outputs))
    wants_empty_final(message)  # is well formed
    known = parameters.read(_values(message.parameters, but=parameters.EMPTY_FINAL_RESPONSE))
    listed = _requested_outputs(message, open_window)
    request = InferRequest(
        model_name=message.model_name,
        model_version=read_version(message.model_version),
        id=message.id,
        inputs=_decode_inputs(message, open_window),
        output_names=tuple(listed),
        timeout=known.timeout,
        priority=known.priority,
        sequence_id=known.sequence_id,
        sequence_start=known.sequence_start,
        sequence_end=known.sequence_end,
        parameters=known.custom,
    )
    return request, RequestedOutputs(listed=listed)


def encode_response(response: InferResponse, requested: RequestedOutputs) -> ModelInferResponse:
    """Every output has its entry of raw contents, an empty one where it was put into shared memory."""
    message = ModelInferResponse(model_name=response.model_name, model_version=response.model_version, id=response.id)
    for name, array in response.outputs.items():
        message.outputs.add(name=name, datatype=datatype_of(array.dtype), shape=array.shape)
        is_elsewhere = requested.of(name).window is not None
        message.raw_output_contents.append(b"" if is_elsewhere else bytes(encode_tensor(array)))
    return message


def read_version(text: str) -> str:
    """As the engine takes it, where "" is the newest. Raises `InvalidInput` for what is no version."""
    if text and not is_version(text):
        raise InvalidInput(
            f"failed to get model version from specified version string '{text[:100]}' (details: stol), "
            "version should be an integral value > 0"
        )
    return text


def wants_empty_final(message: ModelInferRequest) -> bool:
    """Whether the caller of a decoupled model wants to be told of the end by a response of its own."""
    if parameters.EMPTY_FINAL_RESPONSE not in message.parameters:
        return False
    value = _value(parameters.EMPTY_FINAL_RESPONSE, message.parameters[parameters.EMPTY_FINAL_RESPONSE])
    if type(value) is not bool:
        raise InvalidInput(
            f"invalid value type for '{parameters.EMPTY_FINAL_RESPONSE}' parameter, expected bool_param."
        )
    return value


def _decode_inputs(message: ModelInferRequest, open_window: OpenWindow) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    raw = iter(message.raw_input_contents)
    for tensor in message.inputs:
        if tensor.name in arrays:
            raise InvalidInput(f"input '{tensor.name}' already exists in request")
        arrays[tensor.name] = _decode_input(tensor, message, raw, open_window)
    left = sum(1 for _ in raw)
    if left:
        raise InvalidInput(
            f"unexpected additional input data for model '{message.model_name}': raw_input_contents has {left} entries "
            "more than there are inputs for them"
        )
    return arrays


def _decode_input(
    tensor: _Tensor, message: ModelInferRequest, raw: Iterator[bytes], open_window: OpenWindow
) -> np.ndarray:
    name, where = tensor.name, f"'{tensor.name}' for model '{message.model_name}'"
    shape = _shape(tensor, where)
    has_contents = tensor.HasField("contents")
    if "shared_memory_region" in tensor.parameters:
        if has_contents:
            raise InvalidInput(f"unexpected 'content' provided when using shared memory for input tensor {where}")
        region = _region(_values(tensor.parameters), f"input tensor {where}")
        return decode_window(name, tensor.datatype, shape, region, open_window)
    if has_contents:
        if message.raw_input_contents:
            raise InvalidInput(f"contents field must not be specified when using raw_input_contents for {where}")
        return _decode_contents(tensor, shape, where)
    data = next(raw, None)
    if data is None:
        raise InvalidInput(f"unable to find data for input tensor {where} in request.")
    return decode_tensor(name, tensor.datatype, shape, memoryview(data))


def _shape(tensor: _Tensor, where: str) -> tuple[int, ...]:
    if any(dim < 0 for dim in tensor.shape):
        raise InvalidInput(
            f"All input dimensions should be specified for input {where}, got {format_shape(tuple(tensor.shape[:64]))}"
        )
    return check_shape(tensor.name, tensor.shape)


def _decode_contents(tensor: _Tensor, shape: tuple[int, ...], where: str) -> np.ndarray:
    datatype, dtype = tensor.datatype, dtype_of(tensor.datatype)
    member = _CONTENTS.get(datatype)
    if member is None:
        raise InvalidInput(f"{datatype} has no typed contents: send input tensor {where} in raw_input_contents")
    for field, _ in tensor.contents.ListFields():
        if field.name != member:
            raise InvalidInput(
                f"unexpected explicit tensor data for input tensor {where} of type '{_WIDEST[field.name]}', "
                f"expected datatype '{datatype}'"
            )
    values, expected = getattr(tensor.contents, member), math.prod(shape)
    if len(values) != expected:
        raise InvalidInput(
            f"unexpected number of elements for input tensor {where}: {datatype} {format_shape(shape)} takes "
            f"{expected} elements, got {len(values)}"
        )
    if datatype == "BYTES":
        array = np.empty(expected, dtype=object)
        array[:] = list(values)
    elif datatype in _NARROW:
        array = _narrowed(np.fromiter(values, np.int64, expected), dtype, where)
    else:
        array = np.fromiter(values, dtype, expected)
    return array.reshape(shape)


def _narrowed(array: np.ndarray, dtype: np.dtype, where: str) -> np.ndarray:
    """Protobuf has no integers of 8 and 16 bits."""
    limits = np.iinfo(dtype)
    if array.size and not limits.min <= array.min() <= array.max() <= limits.max:
        raise InvalidInput(f"input tensor {where}: {integer_range(dtype)}, got from {array.min()} to {array.max()}")
    return array.astype(dtype)


def _requested_outputs(message: ModelInferRequest, open_window: OpenWindow) -> dict[str, RequestedOutput]:
    listed: dict[str, RequestedOutput] = {}
    for output in message.outputs:
        if output.name in listed:
            raise InvalidInput(f"output '{output.name}' already exists in request")
        given = _values(output.parameters)
        where = f"output tensor '{output.name}'"
        count = _integer(given, "classification", where, least=1) if "classification" in given else 0
        window = open_window(*_region(given, where)) if "shared_memory_region" in given else None
        listed[output.name] = check(output.name, RequestedOutput(classification=count, window=window))
    return listed


def _region(given: Mapping[str, Any], where: str) -> tuple[str, int, int]:
    """Name, offset and size of the shared memory that a tensor's parameters name."""
    name = given["shared_memory_region"]
    if type(name) is not str:
        raise InvalidInput(
            f"invalid value type for 'shared_memory_region' parameter of {where}, expected string_param."
        )
    if "shared_memory_byte_size" not in given:
        raise InvalidInput(f"'shared_memory_byte_size' of {where} is missing, which 'shared_memory_region' needs")
    offset = _integer(given, "shared_memory_offset", where) if "shared_memory_offset" in given else 0
    return name, offset, _integer(given, "shared_memory_byte_size", where)


def _integer(given: Mapping[str, Any], name: str, where: str, least: int = 0) -> int:
    value = given[name]
    if type(value) is not int:
        raise InvalidInput(f"invalid value type for '{name}' parameter of {where}, expected int64_param.")
    if value < least:
        raise InvalidInput(f"invalid value for '{name}' parameter of {where}, expected >= {least}, got {value}")
    return value


def _values(given: Mapping[str, InferParameter], but: str = "") -> dict[str, Any]:
    return {name: _value(name, parameter) for name, parameter in given.items() if name != but}


def _value(name: str, parameter: InferParameter) -> Any:
    choice = parameter.WhichOneof("parameter_choice")
    if choice is None:
        raise InvalidInput(
            f"invalid value type for '{name[:100]}' parameter, expected int64_param, bool_param, or string_param."
        )
    return getattr(parameter, choice)
